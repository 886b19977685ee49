package nearmiss

import "testing"

func TestOf(t *testing.T) {
	known := []string{"constant-vus", "ramping-vus", "http_req_duration", "p", "core"}
	for word, want := range map[string]string{
		"constant-vu":        "constant-vus",
		"Ramping-VUs":        "ramping-vus",
		"ramping-arrival":    "",
		"http_req_durations": "http_req_duration",
		"http_duration":      "http_req_duration", // 4 of 13
		"croe":               "core",
		"cofe":               "core",
		"suite":              "",
		"":                   "p",
	} {
		if got := Of(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Of("core", nil); got != "" {
		t.Errorf("%q of nothing", got)
	}
}
