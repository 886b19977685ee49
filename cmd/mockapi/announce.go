package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/medianest/testbed/fixtures"
	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/handler"
)

// ready is what a started mock tells.
type ready struct {
	URL       string            `json:"url"`
	API       string            `json:"api"`
	Health    string            `json:"health"`
	Dashboard string            `json:"dashboard"`
	Services  map[string]string `json:"services"` // URL by name
	Admin     control           `json:"admin"`
	PID       int               `json:"pid"`
	Version   string            `json:"version"`
	Dataset   *mockapi.Dataset  `json:"dataset"`  // null for a database that was never seeded
	Accounts  []account         `json:"accounts"` // those that every seeded database has
}

// control is how to reach the control API.
type control struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

type account struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Name     string `json:"name"`
}

// announce prints where the mock listens and what it serves.
func (s *server) announce(services []*service, d *mockapi.Dataset) error {
	if s.Quiet && !s.JSON {
		return nil
	}
	url := services[0].url()
	r := ready{
		URL: url, API: url + "/api/v1", Health: url + "/health", Dashboard: url + "/dashboard", Services: make(map[string]string),
		Admin: control{url + "/admin/", s.AdminToken}, PID: os.Getpid(), Version: version(), Dataset: d,
	}
	for _, sv := range services {
		r.Services[sv.name] = sv.url()
	}
	if d != nil {
		var err error
		if r.Accounts, err = accounts(); err != nil {
			return err
		}
	}
	if s.JSON {
		return json.NewEncoder(s.stdout).Encode(r)
	}
	_, err := s.stdout.Write(r.text())
	return err
}

// reachable is an address that a client on this machine can use: listening on all of them is no such address.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
}

func accounts() ([]account, error) {
	var file struct{ Accounts []account }
	if err := yaml.Unmarshal(fixtures.Accounts, &file); err != nil {
		return nil, fmt.Errorf("read the fixed accounts: %w", err)
	}
	return file.Accounts, nil
}

func (r *ready) text() []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "MediaNest is served at %s\n\n", r.URL)
	fmt.Fprintf(w, "  API\t%s\n", r.API)
	fmt.Fprintf(w, "  health\t%s\n", r.Health)
	for _, name := range handler.Services() {
		if u := r.Services[name]; u != "" && u != r.URL {
			fmt.Fprintf(w, "  %s\t%s\n", name, u)
		}
	}
	fmt.Fprintf(w, "  dashboard\t%s\n", r.Dashboard)
	fmt.Fprintf(w, "  docs\t%s/docs\n", r.URL)
	fmt.Fprintf(w, "  metrics\t%s/metrics\n", r.URL)
	fmt.Fprintf(w, "  control\t%s, token %s\n", r.Admin.URL, r.Admin.Token)
	if r.Dataset == nil {
		fmt.Fprintf(w, "  dataset\tnone recorded; mockapi --profile smoke fills an empty database\n")
	} else {
		fmt.Fprintf(w, "  dataset\t%s\n", describe(r.Dataset))
	}
	for i, g := range groups(r.Accounts) {
		label := ""
		if i == 0 {
			label = "log in as"
		}
		fmt.Fprintf(w, "  %s\t%s\n", label, g)
	}
	fmt.Fprintf(w, "  stop\tCtrl-C, or kill %d\n", r.PID)
	_ = w.Flush() // into memory
	return b.Bytes()
}

// groups words the accounts, those that differ in a number only as one line.
func groups(all []account) []string {
	var lines []string
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && withoutDigits(all[j].Email) == withoutDigits(all[i].Email) && all[j].Password == all[i].Password && all[j].Role == all[i].Role {
			j++
		}
		who := all[i].Email
		if j-i > 1 {
			who += " to " + all[j-1].Email
		}
		line := who + ", password " + all[i].Password
		if all[i].Role != string(mockapi.RoleUser) {
			line += ", " + all[i].Role
		}
		lines = append(lines, line)
		i = j
	}
	return lines
}

// withoutDigits keeps whether there were any: perf.user1 and perf.user2 are alike, perf.user is not.
func withoutDigits(s string) string {
	var b strings.Builder
	digits := false
	for _, r := range s {
		if r < '0' || r > '9' {
			b.WriteRune(r)
		} else if !digits {
			digits = true
			b.WriteByte('#')
		}
	}
	return b.String()
}

func describe(d *mockapi.Dataset) string {
	s := fmt.Sprintf("%s, seed %d, as of %s, fingerprint %s", d.Profile, d.Seed, d.AsOf.UTC().Format(time.RFC3339), d.Fingerprint)
	if !d.Complete {
		s += ", not completely loaded"
	}
	return s
}
