package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/mockapi"
)

// retryAfter is when clients are told to come back while the database is away.
const retryAfter = time.Second

// SQLSTATEs that are acted on; a class is their first two characters.
const (
	stateFeatureNotSupported  = "0A000" // what "cached plan must not change result type" comes with
	stateNumericOutOfRange    = "22003"
	stateBadEncoding          = "22021" // a NUL byte in a text, for one
	stateBadText              = "22P02"
	stateForeignKeyViolation  = "23503"
	stateUniqueViolation      = "23505"
	stateCheckViolation       = "23514"
	stateReadOnly             = "25006"
	stateNoSuchStatement      = "26000"
	stateNoSuchDatabase       = "3D000"
	stateSerializationFailure = "40001"
	stateDeadlock             = "40P01"
	stateNotConnectable       = "55000" // "database is not currently accepting connections"
	stateLockNotAvailable     = "55P03"
)

// again tells whether a visit that failed may succeed when it is repeated, and would not do its work twice.
func again(err error, brokenRead bool, attempt int) bool {
	if brokenRead || pgconn.SafeToRetry(err) {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch pg.Code {
	case stateSerializationFailure, stateDeadlock:
		return attempt < 3
	case stateFeatureNotSupported:
		// pgx forgets the statement when it fails, and prepares it again the next time.
		return attempt == 0 && strings.Contains(pg.Message, "cached plan")
	case stateNoSuchStatement:
		return attempt == 0
	}
	return false
}

// translate gives an error of pgx or PostgreSQL its code, and says what was being done.
func (s *Store) translate(what string, err error) error {
	if _, ok := errors.AsType[*mockapi.Error](err); ok {
		return err
	}
	err = fmt.Errorf("%s: %w", what, err)
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if isOutage(err) {
			return s.unavailable(err)
		}
		return err
	}
	switch pg.Code {
	case stateUniqueViolation:
		return coded(mockapi.CodeDuplicate, duplicateMessage(pg.ConstraintName), err)
	case stateForeignKeyViolation:
		return missingMessage(pg.ConstraintName, err)
	case stateCheckViolation:
		return coded(mockapi.CodeValidation, "a value is not possible: "+pg.ConstraintName, err)
	case stateNumericOutOfRange:
		return coded(mockapi.CodeValidation, "a number is too large", err)
	case stateBadEncoding, stateBadText:
		return coded(mockapi.CodeValidation, "a text has characters that can't be stored", err)
	case stateReadOnly, stateNoSuchDatabase, stateNotConnectable, stateLockNotAvailable, stateSerializationFailure, stateDeadlock:
		return s.unavailable(err)
	}
	switch pg.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator intervention (timeouts too), system
		return s.unavailable(err)
	}
	if pg.Severity == "FATAL" || isOutage(err) {
		return s.unavailable(err)
	}
	return err
}

// isOutage tells whether the database could not be reached or did not answer in time.
func isOutage(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, pgconn.ErrConnClosed) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	// pgconn closes a connection with these; they have no type of their own.
	return strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}

func (s *Store) unavailable(err error) error {
	s.failed.Add(1)
	return &mockapi.Error{
		Code: mockapi.CodeUnavailable, Message: "the database does not answer at the moment: try again shortly",
		RetryAfter: retryAfter, Err: err,
	}
}

func coded(code mockapi.Code, message string, err error) error {
	return &mockapi.Error{Code: code, Message: message, Err: err}
}

func duplicateMessage(constraint string) string {
	if constraint == "users_email_key" {
		return "an account with this e-mail address exists"
	}
	return "this exists already"
}

// missingMessage words what a foreign key did not find.
func missingMessage(constraint string, err error) error {
	switch {
	case strings.HasSuffix(constraint, "_user_id_fkey"):
		return coded(mockapi.CodeUnauthorized, "the account does not exist any more: log in again", err)
	case strings.HasSuffix(constraint, "_media_id_fkey"):
		return coded(mockapi.CodeNotFound, noMedia, err)
	case strings.HasSuffix(constraint, "_collection_id_fkey"):
		return coded(mockapi.CodeNotFound, noCollection, err)
	}
	return coded(mockapi.CodeNotFound, "something this refers to does not exist any more", err)
}

// What is not there or not allowed, worded once.
const (
	noUser       = "no such user"
	noMedia      = "no such media file"
	noCollection = "no such collection"
	noComment    = "no such comment"
)

var (
	errAnonymous = mockapi.Errorf(mockapi.CodeUnauthorized, "log in to do this")
	errNotYours  = mockapi.Errorf(mockapi.CodeAccessDenied, "this belongs to somebody else")
)
