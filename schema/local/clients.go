package local

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Client is a process that uses the server.
type Client struct {
	PID     int    `json:"pid"`
	Command string `json:"command"` // the name of its program, without arguments
}

func (c Client) String() string { return fmt.Sprintf("%s (pid %d)", c.Command, c.PID) }

// InUseError says that the server was not stopped because these clients use it.
type InUseError struct{ Clients []Client }

func (e *InUseError) Error() string {
	names := make([]string, len(e.Clients))
	for i, c := range e.Clients {
		names[i] = c.String()
	}
	return "in use by " + strings.Join(names, ", ") + ": end these commands first"
}

// client is this process's entry among the clients: a file that stays locked as long as it is open.
type client struct{ file *os.File }

// register adds this process to the clients. The caller has entered, so that nobody takes the file for that
// of a dead client before it is locked.
func (h *home) register() (*client, error) {
	if err := os.MkdirAll(h.clientsDir(), 0o700); err != nil {
		return nil, err
	}
	me := Client{PID: os.Getpid(), Command: filepath.Base(os.Args[0])}
	f, err := tryLock(filepath.Join(h.clientsDir(), fmt.Sprintf("%d-%s", me.PID, rand.Text()[:8])), exclusive)
	if err != nil {
		return nil, fmt.Errorf("register as a client: %w", err)
	}
	if f == nil {
		return nil, errors.New("register as a client: its new file is locked by another process")
	}
	c := &client{file: f}
	if err := json.NewEncoder(f).Encode(me); err != nil {
		c.leave()
		return nil, fmt.Errorf("register as a client: %w", err)
	}
	return c, nil
}

// leave ends the client's registration. Should the file stay, its lock is gone all the same.
func (c *client) leave() {
	os.Remove(c.file.Name())
	c.file.Close()
}

// clients returns the living clients; forget removes what dead ones left. The caller has entered.
func (h *home) clients(forget bool) ([]Client, error) {
	entries, err := os.ReadDir(h.clientsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	var living []Client
	for _, e := range entries {
		path := filepath.Join(h.clientsDir(), e.Name())
		f, err := tryLock(path, exclusive)
		if err != nil {
			return nil, fmt.Errorf("list clients: %w", err)
		}
		if f != nil {
			if forget {
				os.Remove(path)
			}
			f.Close()
			continue
		}
		c := Client{Command: "a command"}
		if text, err := os.ReadFile(path); err == nil {
			// What is still being written shows no name: the client counts nevertheless.
			_ = json.Unmarshal(text, &c)
		}
		living = append(living, c)
	}
	return living, nil
}
