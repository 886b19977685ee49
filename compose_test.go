package testbed_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// service is the part of a service of docker-compose.yml that the tests read.
type service struct {
	Image string
	Build struct {
		Dockerfile string `yaml:"dockerfile_inline"`
	}
	Environment map[string]string
	Command     []string
	Ports       []string
	Volumes     []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	Restart     string
}

func services(t *testing.T) map[string]service {
	t.Helper()
	data, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]service
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	for name, s := range file.Services {
		for _, mount := range s.Volumes {
			if volume, _, _ := strings.Cut(mount, ":"); !has(file.Volumes, volume) {
				t.Errorf("%s mounts %s, which is no volume of the file", name, volume)
			}
		}
	}
	return file.Services
}

func has[V any](m map[string]V, key string) bool { _, ok := m[key]; return ok }

func TestComposeServices(t *testing.T) {
	got := slices.Sorted(maps.Keys(services(t)))
	if want := []string{"mockapi", "postgres", "seed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// PostgreSQL answers, then the seeder runs to its end, then the mock starts.
func TestComposeOrder(t *testing.T) {
	all := services(t)
	for _, want := range []struct{ service, on, condition string }{
		{"seed", "postgres", "service_healthy"},
		{"mockapi", "postgres", "service_healthy"},
		{"mockapi", "seed", "service_completed_successfully"},
	} {
		got := all[want.service].DependsOn[want.on].Condition
		if got != want.condition {
			t.Errorf("%s depends on %s with condition %q, want %q", want.service, want.on, got, want.condition)
		}
		if got == "service_healthy" && len(all[want.on].Healthcheck.Test) == 0 {
			t.Errorf("%s waits for %s to be healthy, which has no health check", want.service, want.on)
		}
	}
	if restart := all["seed"].Restart; restart != "no" {
		t.Errorf("seed runs once: restart is %q", restart)
	}
	if len(all["mockapi"].Healthcheck.Test) == 0 {
		t.Error("mockapi has no health check: docker compose up --wait would not wait for it")
	}
}

// Compose publishes on all interfaces unless told otherwise.
func TestComposePublishesOnLoopbackAlone(t *testing.T) {
	for name, s := range services(t) {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s beyond this machine", name, port)
			}
		}
	}
	if got, want := services(t)["mockapi"].Ports, []string{"127.0.0.1:3000-3004:3000-3004"}; !slices.Equal(got, want) {
		t.Errorf("mockapi publishes %v, want %v: the API and its four services", got, want)
	}
	// Docker forwards to the container's own address, where its loopback does not listen.
	if got, want := services(t)["mockapi"].Environment["MEDIANEST_ADDR"], "0.0.0.0:3000"; got != want {
		t.Errorf("mockapi listens on %q in its container, want %q", got, want)
	}
}

func TestComposePostgres(t *testing.T) {
	all := services(t)
	postgres := all["postgres"]
	if !slices.Contains(postgres.Command, "shared_preload_libraries=pg_stat_statements") {
		t.Errorf("pg_stat_statements is not preloaded: %v", postgres.Command)
	}
	for i, flag := range postgres.Command[1:] {
		if isFlag := flag == "-c"; isFlag != (i%2 == 0) || !isFlag && strings.Count(flag, "=") != 1 {
			t.Errorf("command: %q at %d: want -c and name=value in turns", flag, i+1)
		}
	}
	env := postgres.Environment
	dsn := "postgres://" + env["POSTGRES_USER"] + ":" + env["POSTGRES_PASSWORD"] + "@postgres:5432/" + env["POSTGRES_DB"] +
		"?sslmode=disable"
	for _, name := range []string{"seed", "mockapi"} {
		if got := all[name].Environment["DATABASE_URL"]; got != dsn {
			t.Errorf("%s connects to %s, but the server is %s", name, got, dsn)
		}
	}
}

// The image is built from directories and a Go version that exist, and has the commands that the services run.
func TestComposeImage(t *testing.T) {
	all := services(t)
	dockerfile := all["mockapi"].Build.Dockerfile
	if other := all["seed"].Build.Dockerfile; dockerfile == "" || dockerfile != other || all["seed"].Image != all["mockapi"].Image {
		t.Fatalf("seed and mockapi are not built as one image")
	}
	for _, name := range []string{"seed", "mockapi"} {
		if command := all[name].Command; len(command) == 0 || command[0] != name {
			t.Errorf("%s runs %v", name, command)
		}
		if !strings.Contains(dockerfile, " ./cmd/"+name) {
			t.Errorf("the image lacks %s", name)
		}
		if _, err := os.Stat("cmd/" + name); err != nil {
			t.Error(err)
		}
	}

	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var version string
	for line := range strings.Lines(string(gomod)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "go "); ok {
			version = strings.Join(strings.SplitN(v, ".", 3)[:2], ".")
		}
	}
	if !strings.Contains(dockerfile, "FROM golang:"+version+"-") {
		t.Errorf("go.mod asks for Go %s, the image is built with\n%s", version, dockerfile)
	}
	if !strings.Contains(dockerfile, "\nUSER nobody") {
		t.Error("the image runs as root")
	}
}
