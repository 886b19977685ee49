package contracttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/medianest/testbed/mockapi/contract"
)

// maxJSON is the largest JSON body that the document allows, in bytes.
const maxJSON = 1 << 20

// Request reports everything about the request that is against the document, its token aside.
func (v *Validator) Request(x *Exchange) error {
	op, inPath := v.find(x.Service, x.Method, x.Path)
	if op == nil {
		return fmt.Errorf("%s %s is not in the document", x.Method, x.Path)
	}
	query, queryErr := url.ParseQuery(x.Query)
	var errs []error
	for _, p := range op.parameters {
		value, found := "", false
		switch p.in {
		case "path":
			value, found = inPath[p.name]
		case "query":
			if queryErr != nil && !op.lenient() {
				errs, queryErr = append(errs, fmt.Errorf("the query is malformed: %w", queryErr)), nil
			}
			value = query.Get(p.name)
			found = value != "" // empty ones count as absent
			if p.ignoredWith != "" && query.Get(p.ignoredWith) != "" {
				found = false
			}
		case "header":
			value = strings.ToValidUTF8(x.RequestHeader.Get(p.name), "\ufffd") // headers are no UTF-8
			found = value != ""
		}
		if op.lenient() {
			value = strings.ToValidUTF8(value, "\ufffd")
		}
		if err := p.check(value, found); err != nil {
			errs = append(errs, fmt.Errorf("the parameter %s in %s: %w", p.name, p.in, err))
		}
	}
	if op.needsBody && !x.RequestBodyCut {
		errs = append(errs, op.checkBody(x))
	}
	return errors.Join(errs...)
}

// lenient tells whether an operation is of the control API, which takes malformed queries and any Content-Type.
func (op *operation) lenient() bool { return op.Access == contract.Control }

func (p *parameter) check(value string, found bool) error {
	if !found {
		if p.required {
			return errors.New("is missing")
		}
		return nil
	}
	if !utf8.ValidString(value) {
		return errors.New("is not UTF-8")
	}
	decoded, err := decodeText(value, p.kind)
	if err != nil {
		return err
	}
	return p.schema.Validate(decoded)
}

func (op *operation) checkBody(x *Exchange) error {
	contentType := x.RequestHeader.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "" || op.lenient() || err == nil && strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"):
		mediaType = "application/json"
	case err != nil:
		return fmt.Errorf("the Content-Type is %q: %w", contentType, err)
	}
	schema, ok := op.bodies[mediaType]
	if !ok {
		return fmt.Errorf("the Content-Type %s is not in the document", mediaType)
	}
	var body any
	if mediaType != "multipart/form-data" { // text/plain is JSON that a beacon sends
		sent := x.RequestBody
		if op.lenient() {
			sent = bytes.ToValidUTF8(sent, []byte("\ufffd"))
		}
		body, err = decodeJSON(sent)
	} else {
		body, err = decodeForm(x.RequestBody, params["boundary"])
	}
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	err = schema.Validate(body)
	if err != nil && schema.Validate(withoutNulls(body)) == nil { // nulls count as absent, where they have no meaning
		err = nil
	}
	if err != nil {
		return fmt.Errorf("the body is outside its schema: %w\n%.1000s", err, x.RequestBody)
	}
	return nil
}

func decodeJSON(b []byte) (any, error) {
	if len(b) > maxJSON {
		return nil, fmt.Errorf("has more than %d bytes", maxJSON)
	}
	if !utf8.Valid(b) {
		return nil, errors.New("is not UTF-8")
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return body, nil
}

// withoutNulls leaves out the members that are null.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			} else {
				v[name] = withoutNulls(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// decodeForm returns the fields of a form as an object, the bytes of a file as an empty text.
func decodeForm(b []byte, boundary string) (any, error) {
	if boundary == "" {
		return nil, errors.New("the Content-Type names no boundary")
	}
	form := multipart.NewReader(bytes.NewReader(b), boundary)
	fields := map[string]any{}
	files := 0
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			fields["file"] = ""
			files++
			continue
		}
		if !utf8.Valid(value) {
			return nil, fmt.Errorf("the field %s is not UTF-8", part.FormName())
		}
		fields[part.FormName()] = string(value)
	}
	if files > 1 {
		return nil, errors.New("has more than one file")
	}
	return fields, nil
}
