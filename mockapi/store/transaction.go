package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/medianest/testbed/mockapi"
	"github.com/medianest/testbed/schema"
)

// openTable is what a transaction may do with one table. Columns that are not named can't be named by a
// caller either; the SQL is made of the names here, never of the caller's.
type openTable struct {
	schema  schema.Table
	actions []mockapi.Action
	where   []string // columns that may select rows
	set     []string // columns that may be given values
	need    []string // columns that an insert must give
}

// openTables are the tables that transactions may touch, by rank: rows are locked in this order.
var openTables = []openTable{
	{
		schema: schema.MediaFiles, actions: []mockapi.Action{mockapi.ActionInsert, mockapi.ActionUpdate, mockapi.ActionDelete},
		where: []string{"id", "user_id", "mime_type", "is_public"},
		set:   []string{"user_id", "filename", "original_name", "title", "description", "mime_type", "size", "is_public", "view_count", "last_accessed"},
		need:  []string{"filename", "original_name", "title", "mime_type", "size"},
	},
	{
		schema: schema.Collections, actions: []mockapi.Action{mockapi.ActionInsert, mockapi.ActionUpdate, mockapi.ActionDelete},
		where: []string{"id", "user_id", "is_public"},
		set:   []string{"user_id", "name", "description", "is_public"},
		need:  []string{"name"},
	},
	{
		schema: schema.Comments, actions: []mockapi.Action{mockapi.ActionUpdate, mockapi.ActionDelete},
		where: []string{"id", "user_id", "media_id"},
		set:   []string{"body"},
	},
	{
		schema: schema.UserActivity, actions: []mockapi.Action{mockapi.ActionInsert},
		set:  []string{"user_id", "action", "details", "timestamp"},
		need: []string{"action"},
	},
	{
		schema: schema.Notifications, actions: []mockapi.Action{mockapi.ActionInsert, mockapi.ActionUpdate},
		where: []string{"id", "user_id", "status", "type"},
		set:   []string{"user_id", "type", "message", "status", "read_at"},
		need:  []string{"type", "message"},
	},
}

// rowStatement is one operation as SQL.
type rowStatement struct {
	sql  string
	args []any
}

// predicate is column = value, or column IS NULL for a nil value.
type predicate struct {
	column string
	value  any
}

// conjunction writes predicates joined by AND, with their values added to args.
func conjunction(predicates []predicate, args *[]any) string {
	parts := make([]string, len(predicates))
	for i, p := range predicates {
		if p.value == nil {
			parts[i] = quote(p.column) + " IS NULL"
			continue
		}
		*args = append(*args, p.value)
		parts[i] = quote(p.column) + " = $" + strconv.Itoa(len(*args))
	}
	return strings.Join(parts, " AND ")
}

// ExecuteTransaction implements mockapi.TransactionStore. Rows to be changed are locked first, table by table
// and by rising id, so that callers who change the same rows queue instead of deadlocking; then the
// operations run in the caller's order. All of it goes to the server in one round trip, and is repeated like
// every write where PostgreSQL gave it up for another's sake.
func (s *Store) ExecuteTransaction(ctx context.Context, v mockapi.Viewer, ops []mockapi.RowOperation) ([]mockapi.RowResult, error) {
	if v.UserID == 0 {
		return nil, errAnonymous
	}
	locks, statements, err := rowStatements(v, ops)
	if err != nil {
		return nil, err
	}
	var results []mockapi.RowResult
	timing := mockapi.TimingFrom(ctx)
	err = s.heavyWrite(ctx, "execute transaction", func(ctx context.Context, c *pgx.Conn) (err error) {
		results, err = runStatements(ctx, c, timing, locks, statements)
		return missingOwner(err)
	})
	if err != nil {
		return nil, err
	}
	for i, op := range ops {
		_, shown := op.Data["is_public"]
		counted := op.Table == schema.MediaFiles.Name || op.Table == schema.Collections.Name
		if counted && results[i].RowsAffected > 0 && (op.Action != mockapi.ActionUpdate || shown) {
			s.keeper.wantRecount()
			break
		}
	}
	return results, nil
}

// runStatements sends everything at once: PostgreSQL runs a pipeline up to its end as one transaction.
func runStatements(ctx context.Context, c *pgx.Conn, timing *mockapi.Timing, locks, statements []rowStatement) (results []mockapi.RowResult, err error) {
	batch := new(pgx.Batch)
	for _, st := range slices.Concat(locks, statements) {
		batch.Queue(st.sql, st.args...)
	}
	start := time.Now()
	sent := c.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, sent.Close()) }()
	for range locks {
		if _, err := sent.Exec(); err != nil {
			return nil, err
		}
	}
	if len(locks) > 0 {
		timing.AddLock(time.Since(start))
	}
	for range statements {
		rows, err := sent.Query()
		if err != nil {
			return nil, err
		}
		var result mockapi.RowResult
		for rows.Next() {
			r := row{columns: rows.RawValues()}
			result.IDs = append(result.IDs, r.int64())
		}
		if rows.Close(); rows.Err() != nil {
			return nil, rows.Err()
		}
		result.RowsAffected = rows.CommandTag().RowsAffected()
		results = append(results, result)
	}
	return results, nil
}

// missingOwner words a user_id that nobody has: other calls' user is the caller, this one's is an operand.
func missingOwner(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if ok && pg.Code == stateForeignKeyViolation && strings.HasSuffix(pg.ConstraintName, "_user_id_fkey") {
		return coded(mockapi.CodeNotFound, noUser, err)
	}
	return err
}

// rowStatements turns operations into SQL, or says everything that is wrong with them.
func rowStatements(v mockapi.Viewer, ops []mockapi.RowOperation) (locks, statements []rowStatement, err error) {
	b := rowBuilder{viewer: v, held: make([]heldRows, len(openTables))}
	if len(ops) == 0 || len(ops) > mockapi.MaxTransactionOperations {
		b.bad("operations", "must be 1 to %d, not %d", mockapi.MaxTransactionOperations, len(ops))
	}
	for i := range ops[:min(len(ops), mockapi.MaxTransactionOperations)] {
		b.at = "operations[" + strconv.Itoa(i) + "]"
		b.add(&ops[i])
	}
	if len(b.problems) > 0 {
		return nil, nil, &mockapi.Error{Code: mockapi.CodeValidation, Message: "the transaction can't be run: " + b.problems[0].Message, Details: b.problems}
	}
	if b.foreign {
		return nil, nil, errNotYours
	}
	return b.locks(), b.statements, nil
}

// heldRows are the rows of one table that the operations will change.
type heldRows struct {
	conditions [][]predicate
	deleted    bool // some of them
}

// locks is one statement for each table that has rows to hold.
func (b *rowBuilder) locks() []rowStatement {
	var locks []rowStatement
	for rank, h := range b.held {
		if len(h.conditions) == 0 {
			continue
		}
		var st rowStatement
		parts := make([]string, len(h.conditions))
		for i, c := range h.conditions {
			parts[i] = "(" + conjunction(c, &st.args) + ")"
		}
		// NO KEY UPDATE is what an update takes: others may still insert rows that refer to these.
		strength := " FOR NO KEY UPDATE"
		if h.deleted {
			strength = " FOR UPDATE"
		}
		st.sql = "SELECT FROM " + openTables[rank].schema.Name + " WHERE " + strings.Join(parts, " OR ") + " ORDER BY id" + strength
		locks = append(locks, st)
	}
	return locks
}

type rowBuilder struct {
	viewer     mockapi.Viewer
	at         string // where in the request
	statements []rowStatement
	held       []heldRows // by rank in openTables
	problems   []mockapi.FieldError
	foreign    bool // rows of somebody else were named
}

func (b *rowBuilder) bad(field, format string, args ...any) {
	b.problems = append(b.problems, mockapi.FieldError{Field: field, Message: fmt.Sprintf(field+" "+format, args...)})
}

func (b *rowBuilder) add(op *mockapi.RowOperation) {
	rank := slices.IndexFunc(openTables, func(t openTable) bool { return t.schema.Name == op.Table })
	if rank < 0 {
		names := make([]string, len(openTables))
		for i, t := range openTables {
			names[i] = t.schema.Name
		}
		b.bad(b.at+".table", "must be one of %s", strings.Join(names, ", "))
		return
	}
	t := &openTables[rank]
	if !slices.Contains(t.actions, op.Action) {
		b.bad(b.at+".action", "must be one of %v for %s", t.actions, t.schema.Name)
		return
	}
	if op.Action == mockapi.ActionInsert {
		b.insert(t, op)
		return
	}
	condition := b.condition(t, op)
	b.held[rank].conditions = append(b.held[rank].conditions, condition)
	var st rowStatement
	if op.Action == mockapi.ActionDelete {
		if len(op.Data) > 0 {
			b.bad(b.at+".data", "must not be there in a delete")
		}
		b.held[rank].deleted = true
		st.sql = "DELETE FROM " + t.schema.Name
	} else {
		st.sql = "UPDATE " + t.schema.Name + " SET " + b.assignments(t, op, &st.args)
	}
	st.sql += " WHERE " + conjunction(condition, &st.args)
	b.statements = append(b.statements, st)
}

// condition selects rows: never without a column of the caller's, and never beyond the caller's own rows.
func (b *rowBuilder) condition(t *openTable, op *mockapi.RowOperation) []predicate {
	var parts []predicate
	for _, name := range slices.Sorted(maps.Keys(op.Where)) {
		if value, ok := b.value(t, t.where, ".where."+name, name, op.Where[name]); ok {
			b.owner(name, value)
			parts = append(parts, predicate{name, value})
		}
	}
	if len(op.Where) == 0 {
		b.bad(b.at+".where", "must name the rows: a transaction does not %s whole tables", op.Action)
	}
	if !b.viewer.IsAdmin() {
		parts = append(parts, predicate{"user_id", b.viewer.UserID})
	}
	return parts
}

func (b *rowBuilder) assignments(t *openTable, op *mockapi.RowOperation, args *[]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(op.Data)) {
		value, ok := b.value(t, t.set, ".data."+name, name, op.Data[name])
		if !ok {
			continue
		}
		b.owner(name, value)
		*args = append(*args, value)
		parts = append(parts, quote(name)+" = $"+strconv.Itoa(len(*args)))
	}
	if len(op.Data) == 0 {
		b.bad(b.at+".data", "must name what to set")
	}
	return strings.Join(parts, ", ")
}

func (b *rowBuilder) insert(t *openTable, op *mockapi.RowOperation) {
	if len(op.Where) > 0 {
		b.bad(b.at+".where", "must not be there in an insert")
	}
	data := maps.Clone(op.Data)
	if data == nil {
		data = make(map[string]json.RawMessage)
	}
	if _, ok := data["user_id"]; !ok {
		data["user_id"] = strconv.AppendInt(nil, b.viewer.UserID, 10)
	}
	for _, name := range t.need {
		if _, ok := data[name]; !ok {
			b.bad(b.at+".data."+name, "must be there")
		}
	}
	var st rowStatement
	var columns, parameters []string
	for _, name := range slices.Sorted(maps.Keys(data)) {
		value, ok := b.value(t, t.set, ".data."+name, name, data[name])
		if !ok {
			continue
		}
		b.owner(name, value)
		st.args = append(st.args, value)
		columns = append(columns, quote(name))
		parameters = append(parameters, "$"+strconv.Itoa(len(st.args)))
	}
	st.sql = "INSERT INTO " + t.schema.Name + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(parameters, ", ") + ") RETURNING id"
	b.statements = append(b.statements, st)
}

// owner notes rows that are, or are to be, somebody else's.
func (b *rowBuilder) owner(column string, value any) {
	if id, ok := value.(int64); ok && column == "user_id" && id != b.viewer.UserID && !b.viewer.IsAdmin() {
		b.foreign = true
	}
}

// value reads a JSON value as what the column holds.
func (b *rowBuilder) value(t *openTable, allowed []string, place, name string, raw json.RawMessage) (any, bool) {
	field := b.at + place
	if !slices.Contains(allowed, name) {
		b.bad(field, "is not allowed: there are %s", strings.Join(allowed, ", "))
		return nil, false
	}
	i := slices.IndexFunc(t.schema.Columns, func(c schema.Column) bool { return c.Name == name })
	column := t.schema.Columns[i]
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		if !column.Nullable {
			b.bad(field, "must not be null")
		}
		return nil, column.Nullable
	}
	v, err := columnValue(column, raw)
	if err != nil {
		b.bad(field, "%v", err)
		return nil, false
	}
	return v, true
}

// Bounds of the texts that a transaction may write, in characters, by column; those of the other calls.
var textBounds = map[string]int{
	"filename": mockapi.MaxFilename, "original_name": mockapi.MaxFilename, "title": mockapi.MaxTitle,
	"description": mockapi.MaxDescription, "mime_type": mockapi.MaxMimeType, "name": mockapi.MaxName,
	"message": mockapi.MaxMessage, "body": mockapi.MaxComment, "action": 100, "type": 20, "status": 20,
}

// maxDetails bounds a jsonb value in bytes.
const maxDetails = 16 << 10

var mimeType = regexp.MustCompile(`^[a-z0-9.+-]+/[a-z0-9.+-]+$`)

// columnValue reads a JSON value as what the column holds, within the bounds that the other calls keep.
func columnValue(column schema.Column, raw json.RawMessage) (any, error) {
	wrong := fmt.Errorf("must be a %s, times as in RFC 3339", column.Type)
	read := func(into any) bool { return json.Unmarshal(raw, into) == nil }
	switch column.Type {
	case schema.Bigint, schema.Integer:
		var v int64
		if !read(&v) {
			return nil, wrong
		}
		if (column.Name == "size" || column.Name == "view_count") && (v < 0 || v > mockapi.MaxNumber) {
			return nil, fmt.Errorf("must be 0 to %d", int64(mockapi.MaxNumber))
		}
		return v, nil
	case schema.Boolean:
		var v bool
		if !read(&v) {
			return nil, wrong
		}
		return v, nil
	case schema.Timestamptz:
		var v time.Time
		if !read(&v) || v.UTC().Year() < 1 || v.UTC().Year() > 9999 {
			return nil, wrong
		}
		return v, nil
	case schema.JSONB:
		// Decoded and written anew: jsonb takes less than JSON allows, lone surrogates and huge numbers for two.
		var v any
		if !read(&v) || len(raw) > maxDetails {
			return nil, fmt.Errorf("must be JSON of at most %d bytes", maxDetails)
		}
		return json.Marshal(v)
	}
	var v string
	if !read(&v) {
		return nil, wrong
	}
	least, most := 1, textBounds[column.Name]
	if column.Nullable {
		least = 0
	}
	if n := utf8.RuneCountInString(v); n < least || n > most || !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
		return nil, fmt.Errorf("must be a text of %d to %d characters", least, most)
	}
	switch {
	case column.Name == "mime_type" && !mimeType.MatchString(v):
		return nil, errors.New("must be a type such as image/jpeg")
	case (column.Name == "filename" || column.Name == "original_name") && !mockapi.IsPlainFilename(v):
		return nil, errors.New("must be a plain file name")
	}
	return v, nil
}

// quote quotes a column's name; timestamp is a keyword.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
