package handler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// AccessLog says which requests are logged.
type AccessLog int

// The kinds of access logs. A 5xx is logged by every kind but LogOff.
const (
	LogOff AccessLog = iota
	LogSampled
	LogAll
)

// UnmarshalText reads the word for a kind, so that it can be a flag.
func (l *AccessLog) UnmarshalText(text []byte) error {
	switch string(text) {
	case "off":
		*l = LogOff
	case "sampled":
		*l = LogSampled
	case "all":
		*l = LogAll
	default:
		return fmt.Errorf("%q is not off, sampled or all", text)
	}
	return nil
}

// logAccess logs one finished call. Query strings, headers and bodies are left out: they may hold secrets.
func (a *API) logAccess(c *Call) {
	if a.opts.AccessLog == LogOff {
		return
	}
	status := c.gin.Writer.Status()
	sampled := a.opts.AccessLog == LogAll || a.served.Add(1)%uint64(a.opts.SampleEvery) == 1 || a.opts.SampleEvery == 1
	if !sampled && status < http.StatusInternalServerError {
		return
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	path := c.gin.Request.URL.Path
	if len(path) > 200 {
		path = strings.ToValidUTF8(path[:200], "") + "..."
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("method", c.method()), slog.String("path", path), slog.String("route", c.route.Path),
		slog.Int("status", status), slog.Int("bytes", max(0, c.gin.Writer.Size())),
		slog.Float64("ms", float64(time.Since(c.start).Microseconds())/1000),
		slog.String("requestId", c.requestID),
	)
	if c.correlationID != c.requestID {
		attrs = append(attrs, slog.String("correlationId", c.correlationID))
	}
	if c.identity.UserID != 0 {
		attrs = append(attrs, slog.Int64("userId", c.identity.UserID))
	}
	if c.err != nil {
		attrs = append(attrs, slog.String("error", c.err.Error()))
	}
	a.log.LogAttrs(context.Background(), level, "request", attrs...)
}
