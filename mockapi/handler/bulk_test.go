package handler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/mockapi/auth"
)

// brokenBulk fails every operation for a reason that clients are not told.
type brokenBulk struct{ stub }

func (*brokenBulk) Bulk(_ context.Context, _ mockapi.Viewer, ops []mockapi.BulkOperation, _ bool) ([]mockapi.BulkResult, error) {
	err := fmt.Errorf("bulk delete: %w", errors.New("the disk is on fire"))
	results := make([]mockapi.BulkResult, len(ops))
	for i := range results {
		results[i].Err = err
	}
	return results, nil
}

// A result that says that the server's log tells what went wrong is right about that.
func TestBulkLogsWhatItDoesNotTell(t *testing.T) {
	a := auth.New(auth.Options{})
	pair, err := a.Start(mockapi.User{ID: 1, Email: "a@b", Role: mockapi.RoleUser})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	h := New(&brokenBulk{}, a, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := httptest.NewRequest(http.MethodPost, "/api/v1/bulk/operations",
		strings.NewReader(`{"operations":[{"action":"delete","type":"media","id":1},{"action":"delete","type":"media","id":2}]}`))
	r.Header.Set("Authorization", "Bearer "+pair.Access)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if body := w.Body.String(); w.Code != http.StatusOK || strings.Count(body, `"code":"INTERNAL_ERROR"`) != 2 || strings.Contains(body, "fire") {
		t.Errorf("answered %d: %s", w.Code, body)
	}
	if n := strings.Count(log.String(), "the disk is on fire"); n != 1 {
		t.Errorf("the cause of both was logged %d times, want once: %s", n, &log)
	}
}
