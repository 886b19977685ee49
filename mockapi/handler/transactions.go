package handler

import (
	"net/http"

	"github.com/medianest/testbed/mockapi"
)

// executeTransaction runs row operations as one SQL transaction. Which tables, columns and actions there are
// is the store's to say, and so is whose rows may be touched: the caller's own, or an admin's choice.
func (a *API) executeTransaction(c *Call) error {
	var in struct {
		Operations []mockapi.RowOperation `json:"operations"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	results, err := a.store.ExecuteTransaction(c.Context(), c.viewer(), in.Operations)
	if err != nil {
		return err
	}
	return c.replyJSON(http.StatusOK, "results", results)
}
