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
