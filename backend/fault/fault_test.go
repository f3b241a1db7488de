package fault

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// methods has the names of the methods of each type in a directory.
type methods map[string]map[string]bool

// TestEveryErrorHasKind checks that every exported error type of the module has a method Kind.
func TestEveryErrorHasKind(t *testing.T) {
	byDir := map[string]methods{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		isSource := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
		if err != nil || entry.IsDir() || !isSource {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if byDir[dir] == nil {
			byDir[dir] = methods{}
		}
		byDir[dir].add(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for dir, types := range byDir {
		for name, has := range types {
			if !ast.IsExported(name) || !has["Error"] {
				continue
			}
			found++
			if !has["Kind"] {
				t.Errorf("%s: the error type %s has no method Kind() fault.Kind", dir, name)
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d error types", found)
	}
}

// add adds the methods that a file declares.
func (m methods) add(file *ast.File) {
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv == nil {
			continue
		}
		receiver := f.Recv.List[0].Type
		if pointer, ok := receiver.(*ast.StarExpr); ok {
			receiver = pointer.X
		}
		name, ok := receiver.(*ast.Ident)
		if !ok { // a generic type
			continue
		}
		if m[name.Name] == nil {
			m[name.Name] = map[string]bool{}
		}
		m[name.Name][f.Name.Name] = true
	}
}

// TestTree checks kinds and hints of errors that wrap and join others.
func TestTree(t *testing.T) {
	state, plain := WithHint(State, "in use", "stop it"), errors.New("x")
	usage, failed := New(Usage, "bad"), WithHint(Failed, "failed", "try")
	for _, test := range []struct {
		err  error
		kind Kind
		hint string
	}{
		{nil, 0, ""}, {plain, 0, ""}, {state, State, "stop it"}, {fmt.Errorf("x: %w", state), State, "stop it"},
		{errors.Join(plain, state), State, "stop it"}, {errors.Join(failed, state), State, "stop it"},
		{errors.Join(state, usage), Usage, "stop it"}, {errors.Join(failed, usage, state), Usage, "try"},
		{errors.Join(WithHint(State, "no hint", ""), state), State, ""},
	} {
		if kind, hint := Of(test.err), Hint(test.err, test.kind); kind != test.kind || hint != test.hint {
			t.Errorf("%v: got %d and %q, want %d and %q", test.err, kind, hint, test.kind, test.hint)
		}
	}
}
