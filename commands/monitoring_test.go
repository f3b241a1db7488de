package commands

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"poolctl/backend/check"
	"poolctl/pooldef/codec"
)

const monitoring = "../docs/monitoring"

// promtool runs promtool in docs/monitoring.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("POOLCTL_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: the rules of docs/monitoring (promtool is not installed)")
	}
	cmd := exec.Command("promtool", args...)
	cmd.Dir = monitoring
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

// TestAlertRules runs the tests of the alert rules.
func TestAlertRules(t *testing.T) { promtool(t, "test", "rules", "alerts-test.yaml") }

// dashboardSchema is the part of Grafana's schema of dashboards (kinds/dashboard/dashboard_kind.cue in
// Grafana's source) that the dashboard uses.
const dashboardSchema = `{
  "type": "object", "additionalProperties": false,
  "required": ["title", "schemaVersion", "panels", "templating", "time", "annotations"],
  "properties": {
    "title": {"type": "string"}, "uid": {"type": "string", "minLength": 8, "maxLength": 40},
    "schemaVersion": {"type": "integer", "minimum": 36}, "version": {"type": "integer"},
    "editable": {"type": "boolean"}, "refresh": {"type": "string"}, "timezone": {"enum": ["utc", "browser"]},
    "tags": {"type": "array", "items": {"type": "string"}},
    "time": {"type": "object", "required": ["from", "to"]},
    "annotations": {"type": "object", "required": ["list"]},
    "templating": {"type": "object", "properties": {"list": {"type": "array", "items": {
      "type": "object", "required": ["name", "type"],
      "properties": {"type": {"enum": ["query", "datasource"]}, "refresh": {"enum": [0, 1, 2]}}}}}},
    "panels": {"type": "array", "minItems": 1, "items": {
      "type": "object", "required": ["id", "type", "title", "gridPos", "targets",
        "datasource", "fieldConfig"],
      "properties": {
        "type": {"enum": ["stat", "table", "bargauge", "timeseries"]},
        "gridPos": {"type": "object", "required": ["x", "y", "w", "h"], "properties": {
          "x": {"minimum": 0, "exclusiveMaximum": 24}, "w": {"exclusiveMinimum": 0, "maximum": 24},
          "h": {"exclusiveMinimum": 0}}},
        "datasource": {"type": "object", "required": ["type", "uid"]},
        "targets": {"type": "array", "minItems": 1, "items": {
          "type": "object", "required": ["refId", "expr", "datasource"]}},
        "fieldConfig": {"type": "object", "required": ["defaults", "overrides"], "properties": {
          "defaults": {"properties": {"thresholds": {"required": ["mode", "steps"],
            "properties": {"mode": {"enum": ["absolute", "percentage"]}}}}}}}}}}}
}`

// TestDashboard checks the structure of the dashboard, and that Prometheus accepts its queries.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(monitoring, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(dashboardSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("test:///dashboard", schema); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err == nil {
		err = c.MustCompile("test:///dashboard").Validate(value)
	}
	if err != nil {
		t.Error(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			expr, _ := json.Marshal(target.Expr)
			rules += "  - {record: panel, expr: " + string(expr) + "}\n"
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
}

// TestMonitoringPage checks that docs/monitoring.md lists every metric, that rules and dashboard use no
// others, and that the example of a definition can be used.
func TestMonitoringPage(t *testing.T) {
	page, err := os.ReadFile(monitoring + ".md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`poolctl_[a-z_]+`)
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join(monitoring, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range name.FindAllString(string(text), -1) {
			if metric != "poolctl_thin_" && !strings.Contains(string(page), "`"+metric+"`") {
				t.Errorf("%s: docs/monitoring.md has no %s", file, metric)
			}
		}
	}
	added := regexp.MustCompile(`add\("([a-z_]+)"|m\.Add\("(poolctl_[a-z_]+)"`)
	for _, m := range added.FindAllStringSubmatch(string(source), -1) {
		if metric := m[1] + m[2]; !strings.HasSuffix(metric, "_") && !strings.Contains(string(page), metric+"`") {
			t.Errorf("docs/monitoring.md has no %s", metric)
		}
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	p, warnings, err := codec.ReadPool("example.yaml", []byte(example), true)
	if err != nil || warnings != nil {
		t.Fatal(err, warnings)
	}
	for _, skip := range p.Check.Skip {
		if !check.IsID(skip.Name) {
			t.Errorf("there is no finding %q", skip.Name)
		}
	}
}
