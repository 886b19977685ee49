package handler

import "strings"

// maxQuery is the longest search text in characters.
const maxQuery = 200

// search finds files by a plain text. Its list is called results, where MediaNest's clients look for it.
func (a *API) search(c *Call) error {
	p := c.params()
	asked := p.page()
	text := strings.TrimSpace(p.text("q", maxQuery))
	if text == "" {
		p.add("q", "is missing: the text to look for")
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.SearchMedia(c.Context(), c.viewer(), text, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "results", page, asked, appendMedia)
}

// maxAdvancedQuery is the longest query of the advanced search in characters; the language's own limit, in
// bytes, is told by the store.
const maxAdvancedQuery = 2000

// searchAdvanced finds files by a query of the search language. It answers as search does.
func (a *API) searchAdvanced(c *Call) error {
	p := c.params()
	asked := p.page()
	q := p.text("q", maxAdvancedQuery)
	if strings.TrimSpace(q) == "" {
		p.add("q", "is missing: a query such as filename:*.jpg AND size:>1MB")
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.SearchAdvanced(c.Context(), c.viewer(), q, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "results", page, asked, appendMedia)
}
