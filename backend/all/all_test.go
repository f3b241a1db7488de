package all

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolctl/backend"
	"poolctl/backend/host"
)

// notOfDefinitions lists functions that report a problem of a definition which does not make it unusable, or
// of a search.
var notOfDefinitions = map[string]string{
	"logical.Build": "only building needs the devices", "zfs.Build": "only building needs the devices",
	"fs.format":        "only building needs a format",
	"gluster.Discover": "a search has no definition",
}

// TestDefinitionChecks checks that CheckDefinition reports every problem that a backend finds in the source
// or the options of a definition: CheckDefinition must call every function that reports one.
func TestDefinitionChecks(t *testing.T) {
	for poolType, b := range Backends(&host.Local{}, nil, time.Second) {
		pkg := filepath.Base(reflect.TypeOf(b).Elem().PkgPath())
		checks, reached := readChecks(t, pkg)
		if _, ok := b.(backend.DefinitionChecker); !ok && len(checks) > 0 {
			t.Errorf("%s checks definitions in %q, but is no DefinitionChecker", poolType, checks)
		}
		for _, name := range checks {
			if !reached[name] {
				t.Errorf("%s: CheckDefinition does not call %s", pkg, name)
			}
		}
	}
}

// readChecks returns the names of the functions of a package that check definitions, and the set of names
// that CheckDefinition calls, directly or not.
func readChecks(t *testing.T, pkg string) (checks []string, reached map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s: %v", pkg, err)
	}
	calls := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			called, isCheck := inspect(f)
			calls[f.Name.Name] = append(calls[f.Name.Name], called...)
			if isCheck && notOfDefinitions[pkg+"."+f.Name.Name] == "" {
				checks = append(checks, f.Name.Name)
			}
		}
	}
	reached = map[string]bool{}
	for next := []string{"CheckDefinition"}; len(next) > 0; next = next[1:] {
		if !reached[next[0]] {
			reached[next[0]] = true
			next = slices.Concat(next, calls[next[0]])
		}
	}
	return checks, reached
}

// inspect returns the names of the functions that f calls, and reports whether f itself checks a definition:
// f returns a problem of a pool's source or options, or calls [pooldef.Host.Address], which does.
func inspect(f *ast.FuncDecl) (called []string, isCheck bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch callee := n.Fun.(type) {
			case *ast.Ident:
				called = append(called, callee.Name)
			case *ast.SelectorExpr:
				called = append(called, callee.Sel.Name)
				isCheck = isCheck || callee.Sel.Name == "Address" && len(n.Args) == 0
			}
		case *ast.KeyValueExpr:
			key, _ := n.Key.(*ast.Ident)
			value, ok := n.Value.(*ast.BasicLit)
			if ok && key != nil && key.Name == "Element" {
				element, _ := strconv.Unquote(value.Value)
				isCheck = isCheck || element == "config" || strings.HasPrefix(element, "source/")
			}
		}
		return true
	})
	return called, isCheck
}
