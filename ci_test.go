package testbed_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// commands are the shell commands of a CI configuration: what stands under run, script and before_script.
func commands(node *yaml.Node) []string {
	var all []string
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i].Value, node.Content[i+1]
			switch key {
			case "run", "script", "before_script":
				all = append(all, lines(value)...)
			default:
				all = append(all, commands(value)...)
			}
		}
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, child := range node.Content {
			all = append(all, commands(child)...)
		}
	}
	return all
}

func lines(node *yaml.Node) []string {
	if node.Kind == yaml.ScalarNode {
		return strings.Split(strings.TrimSpace(node.Value), "\n")
	}
	var all []string
	for _, child := range node.Content {
		all = append(all, lines(child)...)
	}
	return all
}

// The commands of the examples for CI exist, and take the flags that they are given.
func TestCIExamples(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/...").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	files, err := filepath.Glob("fixtures/ci/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	targets := regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1)
	for _, file := range files {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(read(t, file)), &document); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		pipelines := 0
		for _, command := range commands(&document) {
			words := strings.Fields(command)
			switch words[0] {
			case "make":
				known := false
				for _, target := range targets {
					known = known || target[1] == words[1]
				}
				if !known {
					t.Errorf("%s: %q is no target of the Makefile", file, words[1])
				}
			case "bin/load":
				// A plan reads the command line and touches nothing.
				args := append([]string{words[1], "--plan"}, words[2:]...)
				cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "load"), args...)
				cmd.Dir = t.TempDir()
				cmd.Env = append(os.Environ(), "BASE_URL=")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v\n%s", file, command, err, out)
				}
				pipelines++
			default:
				t.Errorf("%s: nobody checks %q", file, command)
			}
		}
		if pipelines == 0 {
			t.Errorf("%s calls no pipeline", file)
		}
	}
}
