package mockapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Code names a kind of error to clients, who branch on it.
type Code string

// The codes of the API. Status gives the HTTP status of each.
const (
	CodeValidation         Code = "VALIDATION_ERROR"
	CodeInvalidCredentials Code = "INVALID_CREDENTIALS"
	CodeUnauthorized       Code = "UNAUTHORIZED"
	CodeInvalidToken       Code = "INVALID_TOKEN"
	CodeTokenExpired       Code = "TOKEN_EXPIRED"
	CodeAccessDenied       Code = "ACCESS_DENIED"
	CodeNotFound           Code = "NOT_FOUND"
	CodeMethodNotAllowed   Code = "METHOD_NOT_ALLOWED"
	CodeDuplicate          Code = "DUPLICATE_RESOURCE"
	CodePayloadTooLarge    Code = "PAYLOAD_TOO_LARGE"
	CodeUnsupportedMedia   Code = "UNSUPPORTED_MEDIA_TYPE"
	CodeRangeInvalid       Code = "RANGE_NOT_SATISFIABLE"
	CodeAccountLocked      Code = "ACCOUNT_LOCKED"
	CodeRateLimited        Code = "RATE_LIMIT_EXCEEDED"
	CodeUnavailable        Code = "SERVICE_UNAVAILABLE"
	CodeInternal           Code = "INTERNAL_ERROR"
)

// Status returns the HTTP status that goes with the code; 500 for an unknown one.
func (c Code) Status() int {
	switch c {
	case CodeValidation:
		return http.StatusBadRequest
	case CodeInvalidCredentials, CodeUnauthorized, CodeInvalidToken, CodeTokenExpired:
		return http.StatusUnauthorized
	case CodeAccessDenied:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case CodeDuplicate:
		return http.StatusConflict
	case CodePayloadTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case CodeRangeInvalid:
		return http.StatusRequestedRangeNotSatisfiable
	case CodeAccountLocked:
		return http.StatusLocked
	case CodeRateLimited:
		return http.StatusTooManyRequests
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Error is an error that a client may see: Code and Message go into the answer, Err into the log only.
type Error struct {
	Code       Code
	Message    string
	Details    any           // JSON-marshalled into error.details where not nil, e.g. []FieldError
	RetryAfter time.Duration // sent as Retry-After where not zero
	Status     int           // the HTTP status where it is not the code's own
	Err        error         // the cause; never shown to clients
}

// FieldError is one entry of the details of a VALIDATION_ERROR.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error implements error for logs.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	return e.Code.Status()
}

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err, CodeInternal where it carries none and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// CodeForStatus returns the code that goes with an HTTP error status: for those that have none,
// CodeUnavailable from 501 on and CodeInternal below.
func CodeForStatus(status int) Code {
	for _, c := range []Code{CodeValidation, CodeUnauthorized, CodeAccessDenied, CodeNotFound, CodeMethodNotAllowed, CodeDuplicate,
		CodePayloadTooLarge, CodeUnsupportedMedia, CodeRangeInvalid, CodeAccountLocked, CodeRateLimited, CodeUnavailable} {
		if c.Status() == status {
			return c
		}
	}
	if status > http.StatusInternalServerError {
		return CodeUnavailable
	}
	return CodeInternal
}

// RetryAfterSeconds writes a time as the Retry-After header does: whole seconds, rounded up, at least 1.
func RetryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}
