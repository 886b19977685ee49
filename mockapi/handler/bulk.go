package handler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/medianest/testbed/mockapi"
)

// bulkResult is what one operation of a bulk call is answered with.
type bulkResult struct {
	Index  int        `json:"index"`
	Status int        `json:"status"` // the HTTP status that the operation would have had by itself
	ID     int64      `json:"id,omitempty"`
	Error  *bulkError `json:"error,omitempty"`
}

type bulkError struct {
	Code    mockapi.Code `json:"code"`
	Message string       `json:"message"`
	Details any          `json:"details,omitempty"`
}

// bulk does up to mockapi.MaxOperations creates, updates and deletes. What is wrong with one operation fails
// only that one, unless the call is atomic.
func (a *API) bulk(c *Call) error {
	var in struct {
		Atomic     bool `json:"atomic"`
		Operations []struct {
			Action mockapi.Action  `json:"action"`
			Type   string          `json:"type"`
			ID     int64           `json:"id"`
			Data   json.RawMessage `json:"data"`
		} `json:"operations"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	if n := len(in.Operations); n == 0 || n > mockapi.MaxOperations {
		var p problems
		p.add("operations", "has %d entries, want 1 to %d", n, mockapi.MaxOperations)
		return p.err()
	}
	results := make([]bulkResult, len(in.Operations))
	var good []mockapi.BulkOperation
	var places []int
	for i, raw := range in.Operations {
		op := mockapi.BulkOperation{Action: raw.Action, Type: raw.Type, ID: raw.ID}
		if err := readBulk(&op, raw.Data); err != nil {
			results[i] = newBulkResult(i, op.Action, 0, err)
			continue
		}
		good, places = append(good, op), append(places, i)
	}
	if in.Atomic && len(good) < len(in.Operations) {
		for _, i := range places {
			results[i] = newBulkResult(i, in.Operations[i].Action, 0, errBulkUndone)
		}
		return c.replyBulk(results)
	}
	done, err := a.store.Bulk(c.Context(), c.viewer(), good, in.Atomic)
	if err != nil {
		return err
	}
	var logged error
	for k, i := range places {
		results[i] = newBulkResult(i, in.Operations[i].Action, done[k].ID, done[k].Err)
		// Operations that the store did together have failed by one error.
		if err := done[k].Err; mockapi.CodeOf(err) == mockapi.CodeInternal && err != logged {
			logged = err
			c.logInternal(err)
		}
	}
	return c.replyBulk(results)
}

var errBulkUndone = mockapi.Errorf(mockapi.CodeValidation, "not done, because another operation of this atomic call is wrong")

func newBulkResult(i int, action mockapi.Action, id int64, err error) bulkResult {
	if err != nil {
		e := asError(err)
		return bulkResult{Index: i, Status: e.HTTPStatus(), Error: &bulkError{Code: e.Code, Message: e.Message, Details: e.Details}}
	}
	if action == mockapi.ActionCreate {
		return bulkResult{Index: i, Status: http.StatusCreated, ID: id}
	}
	return bulkResult{Index: i, Status: http.StatusOK, ID: id}
}

// replyBulk answers 200 even where operations failed, as every one has a status of its own.
func (c *Call) replyBulk(results []bulkResult) error {
	failed := 0
	for _, r := range results {
		if r.Error != nil {
			failed++
		}
	}
	list, err := json.Marshal(results)
	if err != nil {
		return err
	}
	b := append(c.buf[:0], `{"success":`...)
	b = strconv.AppendBool(b, failed == 0)
	b = append(b, `,"results":`...)
	b = append(b, list...)
	c.finish(http.StatusOK, fmt.Appendf(b, `,"data":{"total":%d,"succeeded":%d,"failed":%d}`, len(results), len(results)-failed, failed))
	return nil
}

// readBulk reads and checks the data of an operation.
func readBulk(op *mockapi.BulkOperation, data json.RawMessage) error {
	var p problems
	media := op.Type == "media"
	if !media && op.Type != "collection" {
		p.add("type", "is %.40q, want media or collection", op.Type)
	}
	switch op.Action {
	case mockapi.ActionCreate:
		if op.ID != 0 {
			p.add("id", "is given by the server")
		}
	case mockapi.ActionUpdate, mockapi.ActionDelete:
		if op.ID <= 0 {
			p.add("id", "is missing or not an id")
		}
	default:
		p.add("action", "is %.40q, want create, update or delete", op.Action)
	}
	if err := p.err(); err != nil || op.Action == mockapi.ActionDelete {
		return err
	}
	if op.Action == mockapi.ActionCreate && media {
		return readData[mediaInput](data, &op.NewMedia)
	}
	if op.Action == mockapi.ActionCreate {
		return readData[collectionInput](data, &op.NewCollection)
	}
	if media {
		return readData[mediaChange](data, &op.MediaUpdate)
	}
	return readData[collectionChange](data, &op.CollectionUpdate)
}

// reader is a pointer to an input that reads as an Out.
type reader[In, Out any] interface {
	*In
	read() (Out, error)
}

// readData decodes and checks the data of an operation.
func readData[In, Out any, R reader[In, Out]](data json.RawMessage, out **Out) error {
	var in In
	if err := decodeObject(data, &in); err != nil {
		return err
	}
	v, err := R(&in).read()
	*out = &v
	return err
}
