package mockapi

import _ "embed"

// OpenAPI is the contract of the API, its services and its control API: an OpenAPI 3.1 document in YAML.
// Package contract serves it, and contract/contracttest holds requests and responses against it.
//
//go:embed openapi.yaml
var OpenAPI []byte
