// Package contract serves the OpenAPI document of MediaNest, as JSON and as a page to read, and tells what is in
// it.
//
//	doc, err := contract.Load()
//	mux.Handle("GET /openapi.json", doc.JSONHandler())
//	mux.Handle("GET /docs", doc.PageHandler())
//
// Where the services listen elsewhere than the document says, Serve puts their addresses in:
//
//	doc, err := contract.Serve(map[string]string{"api": "http://127.0.0.1:41234"})
//
// The package contracttest beside it holds requests and responses against the document.
package contract
