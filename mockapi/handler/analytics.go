package handler

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// Bounds of the window of statistics.
const (
	defaultTimeframe = "30d"
	minTimeframe     = time.Hour
	maxTimeframe     = 731 * 24 * time.Hour
)

// mediaStatistics sums up the library over a window of time. The Age header tells how many seconds ago.
func (a *API) mediaStatistics(c *Call) error {
	p := c.params()
	q := mockapi.StatisticsQuery{Timeframe: p.timeframe("timeframe")}
	for _, part := range strings.Split(p.text("include", 100), ",") {
		switch strings.TrimSpace(part) {
		case "":
		case "user", "users":
			q.Owners = true
		case "collections":
			q.Collections = true
		case "tags":
			q.Tags = true
		default:
			p.add("include", "names %.40q, there are user, collections and tags", part)
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	found, err := a.store.MediaStatistics(c.Context(), q)
	if err != nil {
		return err
	}
	c.gin.Header("Age", strconv.Itoa(int(time.Since(found.ComputedAt).Seconds())))
	return c.replyJSON(http.StatusOK, "data", found)
}

// timeframe reads a number of hours or days: 24h, 30d.
func (p *params) timeframe(name string) time.Duration {
	s, ok := p.get(name)
	if !ok {
		s = defaultTimeframe
	}
	unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	d := time.Duration(n) * unit
	if err != nil || d < minTimeframe || d > maxTimeframe {
		p.add(name, "is %.40q, want a number of hours or days such as 24h or 30d, at most %d days", s, maxTimeframe/(24*time.Hour))
	}
	return d
}

// replyJSON answers with a value under a key, by way of encoding/json: for answers that are asked for seldom or
// cost much more to come by.
func (c *Call) replyJSON(status int, key string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b := append(c.buf[:0], `{"success":true,`...)
	b = appendString(b, key)
	b = append(b, ':')
	c.finish(status, append(b, body...))
	return nil
}
