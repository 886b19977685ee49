package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/medianest/testbed/mockapi"
)

// replyOne answers with one thing as data.
func replyOne[T any](c *Call, v *T, appendItem func([]byte, *T) []byte) error {
	b := append(c.buf[:0], `{"success":true,"data":`...)
	c.finish(http.StatusOK, appendItem(b, v))
	return nil
}

// replyCreated answers 201 with a new thing as data, and its id at the top level.
func replyCreated[T any](c *Call, id int64, v *T, appendItem func([]byte, *T) []byte) error {
	b := append(c.buf[:0], `{"success":true,"id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"data":`...)
	c.finish(http.StatusCreated, appendItem(b, v))
	return nil
}

// replyList answers with a list that has no pages.
func replyList[T any](c *Call, list []T, appendItem func([]byte, *T) []byte) error {
	b := append(c.buf[:0], `{"success":true,"data":`...)
	c.finish(http.StatusOK, appendArray(b, list, appendItem))
	return nil
}

// replyPage answers with one page of a list under key.
func replyPage[T any](c *Call, key string, p mockapi.Page[T], asked mockapi.PageRequest, appendItem func([]byte, *T) []byte) error {
	b := append(c.buf[:0], `{"success":true,"`...)
	b = append(b, key...)
	b = append(b, `":`...)
	b = appendArray(b, p.Items, appendItem)
	b = c.appendMeta(b)
	b = append(b, `,"pagination":`...)
	b = appendPagination(b, p.Total, p.TotalKind, p.HasNext, p.NextCursor, asked)
	c.send(http.StatusOK, append(b, "}}"...))
	return nil
}

// replyDone answers for a thing that is gone or changed and has nothing to show.
func replyDone(c *Call) error {
	c.finish(http.StatusOK, append(c.buf[:0], `{"success":true`...))
	return nil
}

// finish closes an answer that has no pages, and sends it.
func (c *Call) finish(status int, b []byte) {
	b = c.appendMeta(b)
	c.send(status, append(b, "}}"...))
}

// appendMeta appends meta and leaves it open.
func (c *Call) appendMeta(b []byte) []byte {
	b = append(b, `,"meta":{"timestamp":`...)
	b = appendTime(b, c.start)
	b = append(b, `,"requestId":`...)
	return appendString(b, c.requestID)
}

// appendPagination appends where a page lies in its list. A page asked for by cursor has no number, and a
// total of kind atLeast makes totalPages the least that there are.
func appendPagination(b []byte, total int64, kind mockapi.TotalKind, hasNext bool, next string, asked mockapi.PageRequest) []byte {
	byCursor := asked.Cursor != ""
	b = append(b, `{"page":`...)
	if byCursor {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, int64(asked.Page), 10)
	}
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, int64(asked.Limit), 10)
	b = append(b, `,"total":`...)
	b = strconv.AppendInt(b, total, 10)
	b = append(b, `,"totalKind":`...)
	b = appendString(b, string(kind))
	b = append(b, `,"totalPages":`...)
	limit := int64(max(asked.Limit, 1))
	b = strconv.AppendInt(b, (total+limit-1)/limit, 10)
	b = append(b, `,"hasNext":`...)
	b = strconv.AppendBool(b, hasNext)
	b = append(b, `,"hasPrev":`...)
	b = strconv.AppendBool(b, byCursor || asked.Page > 1)
	b = append(b, `,"nextCursor":`...)
	if next == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, next)
	}
	return append(b, '}')
}

// send writes the answer.
func (c *Call) send(status int, body []byte) {
	c.buf = body
	h := c.gin.Writer.Header()
	h["Content-Type"] = c.api.headers.json
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Server-Timing"] = []string{c.serverTiming()}
	c.gin.Writer.WriteHeader(status)
	// An error here is a client that has gone; there is nobody left to tell.
	_, _ = c.gin.Writer.Write(body)
}

// serverTiming tells in milliseconds how long the call took here, how much of it in the database, and how
// much waiting for a connection to it; how many percent of its connections the fullest pool has in use; and, where there is
// something to tell, how long it waited for row locks, and whether a cached answer was there (1) or not (0).
func (c *Call) serverTiming() string {
	b := make([]byte, 0, 96)
	ms := func(d time.Duration) { b = strconv.AppendFloat(b, float64(d.Microseconds())/1000, 'f', -1, 64) }
	b = append(b, "total;dur="...)
	ms(time.Since(c.start))
	b = append(b, ", db;dur="...)
	ms(c.timing.Query())
	b = append(b, ", pool;dur="...)
	ms(c.timing.Wait())
	if percent, ok := c.api.pool.percent(c.start); ok {
		b = append(b, ", pool-use;dur="...)
		b = strconv.AppendInt(b, percent, 10)
	}
	if d, ok := c.timing.Lock(); ok {
		b = append(b, ", lock;dur="...)
		ms(d)
	}
	if hit, ok := c.timing.Cache(); ok {
		b = append(b, ", cache;dur=0"...)
		if hit {
			b[len(b)-1] = '1'
		}
	}
	return string(b)
}

// Fail answers with an error: its code, message and details where it carries them, INTERNAL_ERROR otherwise.
func (c *Call) Fail(err error) {
	if c.gin.Writer.Written() {
		return
	}
	e := asError(err)
	status := e.HTTPStatus()
	if e.Code == mockapi.CodeInternal && c.err == nil { // a panic has been logged with its stack
		c.logInternal(err)
	}
	if status >= 500 {
		c.err = err
	}
	body := appendError(c.gin.Writer.Header(), c.buf[:0], e, c.correlationID)
	c.send(status, body)
}

// logInternal logs what clients are not told of an INTERNAL_ERROR.
func (c *Call) logInternal(err error) {
	c.api.log.Error("internal error", "requestId", c.requestID, "method", c.method(), "route", c.route.Path, "error", err)
}

// appendError appends the body of an error and sets the headers that go with it.
func appendError(h http.Header, b []byte, e *mockapi.Error, correlationID string) []byte {
	retry := e.RetryAfter
	if e.Code == mockapi.CodeUnavailable && retry == 0 {
		retry = time.Second
	}
	if e.HTTPStatus() == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{"Bearer"}
	}
	b = append(b, `{"success":false,"error":{"code":`...)
	b = appendString(b, string(e.Code))
	b = append(b, `,"message":`...)
	b = appendString(b, e.Message)
	b = append(b, `,"correlationId":`...)
	b = appendString(b, correlationID)
	if e.Details != nil {
		if details, err := json.Marshal(e.Details); err == nil {
			b = append(append(b, `,"details":`...), details...)
		}
	}
	if retry > 0 {
		seconds := mockapi.RetryAfterSeconds(retry)
		h["Retry-After"] = []string{seconds}
		b = append(append(b, `,"retryAfter":`...), seconds...)
	}
	return append(b, "}}"...)
}

// WriteError answers with an error in the API's form for what refuses a request before it comes to a route.
func (a *API) WriteError(w http.ResponseWriter, r *http.Request, e *mockapi.Error) {
	requestID, correlationID := a.idsOf(r)
	h := w.Header()
	a.headers.set(h, requestID, correlationID)
	a.allowOrigin(h, r)
	body := appendError(h, nil, e, correlationID)
	h["Content-Type"] = a.headers.json
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(e.HTTPStatus())
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// failPanic answers for a handler that panicked, and logs where. It returns false where half an answer is out
// already, which must not come to look like a whole one.
func (c *Call) failPanic(fault any) bool {
	c.api.log.LogAttrs(context.Background(), slog.LevelError, "panic",
		slog.String("requestId", c.requestID), slog.String("method", c.method()), slog.String("route", c.route.Path),
		slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
	c.err = fmt.Errorf("panic: %v", fault)
	if c.gin.Writer.Written() {
		return false
	}
	c.Fail(&mockapi.Error{Code: mockapi.CodeInternal, Message: internalMessage, Err: c.err})
	return true
}

const internalMessage = "something went wrong here, the server's log tells what"

// asError returns err as what a client may see of it.
func asError(err error) *mockapi.Error {
	if e, ok := errors.AsType[*mockapi.Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &mockapi.Error{Code: mockapi.CodeUnavailable, Message: "the database did not answer in time", Err: err}
	}
	return &mockapi.Error{Code: mockapi.CodeInternal, Message: internalMessage, Err: err}
}

// StatusOf returns the status that the call is answered with, where its handler returned err. It is for a
// Middleware, which sees the error before it is sent.
func (c *Call) StatusOf(err error) int {
	if err != nil {
		return asError(err).HTTPStatus()
	}
	return c.gin.Writer.Status()
}
