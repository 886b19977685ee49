package contract_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/medianest/testbed/mockapi/admin"
	"github.com/medianest/testbed/mockapi/auth"
	"github.com/medianest/testbed/mockapi/contract"
	"github.com/medianest/testbed/mockapi/handler"
)

// The document and the routers have the same methods and paths, with the same access, for every service.
func TestDocumentAndRoutersAgree(t *testing.T) {
	api := handler.NewAPI(nil, auth.New(auth.Options{}), handler.Options{})
	parameter := regexp.MustCompile(`:(\w+)`)
	for _, service := range handler.Services() {
		var routed []string
		for _, rt := range api.Service(service) {
			routed = append(routed, rt.Method+" "+parameter.ReplaceAllString(rt.Path, "{$1}")+" "+rt.Access.String())
		}
		if service == handler.ServiceAPI {
			for _, rt := range api.Performance(nil) {
				routed = append(routed, rt.Method+" "+rt.Path+" "+rt.Access.String())
			}
			for _, pattern := range admin.Patterns() {
				routed = append(routed, pattern+" "+string(contract.Control))
			}
			for _, path := range []string{"/dashboard", "/metrics", "/openapi.json", "/docs"} {
				routed = append(routed, "GET "+path+" "+string(contract.Open))
			}
		}
		var documented []string
		for _, op := range load(t).Operations() {
			if slices.Contains(op.Services, service) {
				access := string(op.Access)
				if op.ID == "listUsers" {
					access = handler.Admin.String() // a scheme of OpenAPI says who a caller is, and not what he may do
				}
				documented = append(documented, op.Method+" "+op.Path+" "+access)
			}
		}
		for _, line := range routed {
			if !slices.Contains(documented, line) {
				t.Errorf("%s: %s is routed and not in the document", service, line)
			}
		}
		for _, line := range documented {
			if !slices.Contains(routed, line) {
				t.Errorf("%s: %s is in the document and not routed", service, line)
			}
		}
	}
}
