package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Response reports everything about the response that is against the document.
func (v *Validator) Response(x *Exchange) error {
	r, err := v.expected(x)
	if err != nil || r == nil {
		return err
	}
	errs := []error{r.checkHeaders(x.Header)}
	if x.Method != http.MethodHead {
		errs = append(errs, r.checkBody(x))
	}
	return errors.Join(errs...)
}

// expected returns what the document says of the response; nil where it says nothing.
func (v *Validator) expected(x *Exchange) (*response, error) {
	control := x.Service == "api" && strings.HasPrefix(x.Path, "/admin/")
	if (control || x.Path == "/admin") && x.Status >= 300 && x.Status < 400 {
		return nil, nil // paths that are nearly right are shown the right one there
	}
	if x.Method == http.MethodOptions && x.Status == http.StatusNoContent && x.Header.Get("Access-Control-Allow-Methods") != "" {
		return nil, nil // a preflight
	}
	op, _ := v.find(x.Service, x.Method, x.Path)
	if op != nil {
		if r := op.responses[strconv.Itoa(x.Status)]; r != nil {
			return r, nil
		}
		return nil, fmt.Errorf("the document lists no status %d for it: %.300s", x.Status, x.Body)
	}
	r, want := v.pathless, http.StatusNotFound
	switch {
	case control:
		r = v.control
	case slices.Contains([]string{"/dashboard", "/metrics", "/openapi.json", "/docs"}, x.Path):
	case v.hasPath(x.Service, x.Path):
		r, want = v.methodless, http.StatusMethodNotAllowed
	}
	if x.Status != want {
		return nil, fmt.Errorf("it is not in the document, want status %d: %.300s", want, x.Body)
	}
	return r, nil
}

// ofHTTP are headers that the document need not list.
var ofHTTP = []string{"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Transfer-Encoding", "Vary"}

func (r *response) checkHeaders(h http.Header) error {
	var errs []error
	for _, want := range r.headers {
		values := h.Values(want.name)
		if len(values) == 0 {
			if want.required {
				errs = append(errs, fmt.Errorf("the header %s is missing", want.name))
			}
			continue
		}
		value, err := decodeText(values[0], want.kind)
		if err == nil {
			err = want.schema.Validate(value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the header %s is %q: %w", want.name, values[0], err))
		}
	}
	for name := range h {
		listed := slices.ContainsFunc(r.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
		if !listed && !slices.Contains(ofHTTP, name) && !strings.HasPrefix(name, "Access-Control-") {
			errs = append(errs, fmt.Errorf("the header %s is not in the document", name))
		}
	}
	return errors.Join(errs...)
}

func (r *response) checkBody(x *Exchange) error {
	if len(r.content) == 0 {
		if len(x.Body) > 0 {
			return fmt.Errorf("there is a body: %.200s", x.Body)
		}
		return nil
	}
	contentType := x.Header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("the Content-Type is %q: %w", contentType, err)
	}
	schema, ok := r.content[mediaType]
	if !ok {
		if schema, ok = r.content["*/*"]; !ok {
			return fmt.Errorf("the Content-Type %s is not in the document", contentType)
		}
	}
	if schema == nil || x.BodyUnread {
		return nil
	}
	if mediaType != "application/json" {
		return schema.Validate(string(x.Body))
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(x.Body))
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w: %.300s", err, x.Body)
	}
	if err := schema.Validate(body); err != nil {
		return fmt.Errorf("the body is outside its schema: %w\n%.1000s", err, x.Body)
	}
	return nil
}

var integer = regexp.MustCompile(`^[+-]?[0-9]+$`)

// decodeText reads a parameter or a header as a value of the type.
func decodeText(s, kind string) (any, error) {
	switch kind {
	case "integer":
		if !integer.MatchString(s) {
			return nil, fmt.Errorf("%.60q is no whole number", s)
		}
		digits := strings.TrimLeft(strings.TrimLeft(s, "+-"), "0")
		if digits == "" {
			return json.Number("0"), nil
		}
		if s[0] == '-' {
			digits = "-" + digits
		}
		return json.Number(digits), nil
	case "boolean":
		switch s {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, fmt.Errorf("%.60q is neither true nor false", s)
	default:
		return s, nil
	}
}
