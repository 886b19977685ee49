package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/medianest/testbed/mockapi"
)

func newMedia(i int, public bool) *mockapi.NewMedia {
	name := fmt.Sprintf("bulk-file-%d.jpg", i)
	return &mockapi.NewMedia{Filename: name, OriginalName: name, Title: name, MimeType: "image/jpeg", Size: int64(i), IsPublic: public}
}

func createMedia(i int) mockapi.BulkOperation {
	return mockapi.BulkOperation{Action: mockapi.ActionCreate, Type: "media", NewMedia: newMedia(i, i%2 == 0)}
}

func testBulk(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, other := f.user(t), f.user(t)
	ops := make([]mockapi.BulkOperation, 100)
	for i := range ops {
		ops[i] = createMedia(i)
	}
	made := must(f.Bulk(ctx, owner, ops, false))(t)
	for i, r := range made {
		m := must(f.Media(ctx, owner, r.ID))(t)
		if r.Err != nil || m.Filename != ops[i].NewMedia.Filename || m.Size != int64(i) || m.UserID != owner.UserID || m.IsPublic != (i%2 == 0) {
			t.Fatalf("operation %d made %+v, %v", i, m, r.Err)
		}
	}

	foreign := f.file(t, other, true, nil)
	title, shelf := "New title", "Shelf"
	kept := f.collection(t, owner, "Kept", true)
	gone := f.collection(t, owner, "Gone", true)
	mixed := []mockapi.BulkOperation{
		{Action: mockapi.ActionUpdate, Type: "media", ID: made[0].ID, MediaUpdate: &mockapi.MediaUpdate{Title: &title}},
		{Action: mockapi.ActionUpdate, Type: "media", ID: foreign.ID, MediaUpdate: &mockapi.MediaUpdate{Title: &title}},
		{Action: mockapi.ActionUpdate, Type: "media", ID: 1 << 40, MediaUpdate: &mockapi.MediaUpdate{Title: &title}},
		{Action: mockapi.ActionDelete, Type: "media", ID: made[1].ID},
		{Action: mockapi.ActionDelete, Type: "media", ID: made[1].ID},
		{Action: mockapi.ActionCreate, Type: "collection", NewCollection: &mockapi.NewCollection{Name: shelf}},
		{Action: mockapi.ActionUpdate, Type: "collection", ID: kept.ID, CollectionUpdate: &mockapi.CollectionUpdate{Name: &shelf}},
		{Action: mockapi.ActionDelete, Type: "collection", ID: gone.ID},
		createMedia(7),
	}
	results := must(f.Bulk(ctx, owner, mixed, false))(t)
	for i, want := range []mockapi.Code{"", mockapi.CodeAccessDenied, mockapi.CodeNotFound, "", mockapi.CodeNotFound, "", "", "", ""} {
		wantCode(t, fmt.Sprintf("operation %d", i), results[i].Err, want)
		if (want == "") != (results[i].ID != 0) {
			t.Errorf("operation %d has id %d", i, results[i].ID)
		}
	}
	if m := must(f.Media(ctx, owner, made[0].ID))(t); m.Title != title || m.Filename != ops[0].NewMedia.Filename {
		t.Errorf("updated to %+v", m)
	}
	if m := must(f.Media(ctx, owner, foreign.ID))(t); m.Title == title {
		t.Error("another's file was changed")
	}
	if c := must(f.Collection(ctx, owner, kept.ID))(t); c.Name != shelf {
		t.Errorf("collection renamed to %q", c.Name)
	}
	_, err := f.Collection(ctx, owner, gone.ID)
	wantCode(t, "deleted collection", err, mockapi.CodeNotFound)

	before := must(f.ListMedia(ctx, owner, mockapi.MediaQuery{OwnerID: owner.UserID}))(t).Total
	results = must(f.Bulk(ctx, owner, mixed[:3], true))(t)
	for i, want := range []mockapi.Code{mockapi.CodeValidation, mockapi.CodeAccessDenied, mockapi.CodeNotFound} {
		wantCode(t, fmt.Sprintf("atomic operation %d", i), results[i].Err, want)
	}
	results = must(f.Bulk(ctx, owner, []mockapi.BulkOperation{createMedia(1), {Action: mockapi.ActionDelete, Type: "media", ID: 1 << 40}}, true))(t)
	wantCode(t, "atomic create beside a failure", results[0].Err, mockapi.CodeValidation)
	if after := must(f.ListMedia(ctx, owner, mockapi.MediaQuery{OwnerID: owner.UserID}))(t).Total; after != before {
		t.Errorf("a failed atomic call left %d files, there were %d", after, before)
	}
	results = must(f.Bulk(ctx, owner, []mockapi.BulkOperation{createMedia(1), createMedia(2)}, true))(t)
	if results[0].ID == 0 || results[1].ID == 0 {
		t.Errorf("an atomic call of good operations: %+v", results)
	}

	admin := f.staff(t, mockapi.RoleAdmin)
	results = must(f.Bulk(ctx, admin, mixed[1:2], false))(t)
	wantCode(t, "an admin's update of another's file", results[0].Err, "")
	_, err = f.Bulk(ctx, anonymous, ops, false)
	wantCode(t, "anonymous bulk call", err, mockapi.CodeUnauthorized)
	_, err = f.Bulk(ctx, owner, make([]mockapi.BulkOperation, mockapi.MaxOperations+1), false)
	wantCode(t, "too many operations", err, mockapi.CodeValidation)
}

// raw is a JSON object by column.
func raw(t *testing.T, object string) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// suiteTransaction is what MediaNest's database suite runs: touch a user's files and note it.
func suiteTransaction(t *testing.T, user int64) []mockapi.RowOperation {
	t.Helper()
	return []mockapi.RowOperation{
		{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, fmt.Sprintf(`{"user_id":%d}`, user)), Data: raw(t, `{"last_accessed":"2026-03-04T05:06:07.890Z"}`)},
		{Table: "user_activity", Action: mockapi.ActionInsert, Data: raw(t, fmt.Sprintf(`{"user_id":%d,"action":"bulk_update","timestamp":"2026-03-04T05:06:07.890Z"}`, user))},
	}
}

func testTransactions(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, other, admin := f.user(t), f.user(t), f.staff(t, mockapi.RoleAdmin)
	mine := []mockapi.Media{f.file(t, owner, true, nil), f.file(t, owner, false, nil)}
	foreign := f.file(t, other, true, nil)

	for _, who := range []mockapi.Viewer{owner, admin} {
		results := must(f.ExecuteTransaction(ctx, who, suiteTransaction(t, owner.UserID)))(t)
		if results[0].RowsAffected != 2 || results[1].RowsAffected != 1 || len(results[1].IDs) != 1 {
			t.Errorf("results %+v", results)
		}
	}
	want := time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.UTC)
	if m := must(f.Media(ctx, owner, mine[1].ID))(t); m.LastAccessed == nil || !m.LastAccessed.Equal(want) {
		t.Errorf("last accessed %v, want %v", m.LastAccessed, want)
	}
	_, err := f.ExecuteTransaction(ctx, other, suiteTransaction(t, owner.UserID))
	wantCode(t, "another's rows by user_id", err, mockapi.CodeAccessDenied)

	// Without user_id, the condition reaches the caller's own rows only.
	results := must(f.ExecuteTransaction(ctx, owner, []mockapi.RowOperation{
		{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"is_public":true}`), Data: raw(t, `{"title":"Mine"}`)},
		{Table: "media_files", Action: mockapi.ActionDelete, Where: raw(t, fmt.Sprintf(`{"id":%d}`, foreign.ID))},
		{Table: "collections", Action: mockapi.ActionInsert, Data: raw(t, `{"name":"By transaction"}`)},
		{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"title":null}`), Data: raw(t, `{"title":"x"}`)},
	}[:3]))(t)
	if results[0].RowsAffected != 1 || results[1].RowsAffected != 0 || results[2].RowsAffected != 1 {
		t.Errorf("results %+v", results)
	}
	if m := must(f.Media(ctx, other, foreign.ID))(t); m.Title == "Mine" {
		t.Error("another's file was changed")
	}

	// All or nothing: the second operation breaks a rule of the database.
	_, err = f.ExecuteTransaction(ctx, owner, []mockapi.RowOperation{
		{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"is_public":true}`), Data: raw(t, `{"title":"Undone"}`)},
		{Table: "notifications", Action: mockapi.ActionInsert, Data: raw(t, `{"type":"pigeon","message":"m"}`)},
	})
	wantCode(t, "a broken rule", err, mockapi.CodeValidation)
	if m := must(f.Media(ctx, owner, mine[0].ID))(t); m.Title != "Mine" {
		t.Errorf("half of a failed transaction stayed: title %q", m.Title)
	}

	for name, op := range map[string]mockapi.RowOperation{
		"operations[0].table":            {Table: "users", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, `{"role":"admin"}`)},
		"operations[0].action":           {Table: "user_activity", Action: mockapi.ActionDelete, Where: raw(t, `{"id":1}`)},
		"operations[0].where":            {Table: "media_files", Action: mockapi.ActionDelete},
		"operations[0].where.sha256":     {Table: "media_files", Action: mockapi.ActionDelete, Where: raw(t, `{"sha256":"x"}`)},
		"operations[0].data":             {Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`)},
		"operations[0].data.id":          {Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, `{"id":2}`)},
		"operations[0].data.size":        {Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, `{"size":"big"}`)},
		"operations[0].data.title":       {Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, `{"title":null}`)},
		"operations[0].data.name":        {Table: "collections", Action: mockapi.ActionInsert, Data: raw(t, `{"is_public":true}`)},
		`operations[0].where.x" OR 1=1`:  {Table: "media_files", Action: mockapi.ActionDelete, Where: map[string]json.RawMessage{`x" OR 1=1`: json.RawMessage("1")}},
		"operations[0].data.user_id; --": {Table: "collections", Action: mockapi.ActionInsert, Data: map[string]json.RawMessage{"name": json.RawMessage(`"n"`), "user_id; --": json.RawMessage("1")}},
	} {
		_, err := f.ExecuteTransaction(ctx, admin, []mockapi.RowOperation{op})
		wantValidation(t, name, err, name)
	}
	update := func(data string) mockapi.RowOperation {
		return mockapi.RowOperation{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, data)}
	}
	for field, data := range map[string]string{
		"filename": `{"filename":"../../x"}`, "original_name": `{"original_name":"a\u0000b"}`, "title": `{"title":""}`,
		"mime_type": `{"mime_type":"zzz"}`, "description": `{"description":"` + strings.Repeat("x", 5001) + `"}`,
		"last_accessed": `{"last_accessed":"9999-12-31T23:59:59-14:00"}`, "size": `{"size":9007199254740992}`, "view_count": `{"view_count":-1}`,
	} {
		_, err := f.ExecuteTransaction(ctx, owner, []mockapi.RowOperation{update(data)})
		wantValidation(t, data, err, "operations[0].data."+field)
	}
	// A comment may be as long as by the call that is for comments.
	must(f.ExecuteTransaction(ctx, owner, []mockapi.RowOperation{
		{Table: "comments", Action: mockapi.ActionUpdate, Where: raw(t, `{"id":1}`), Data: raw(t, `{"body":"`+strings.Repeat("x", mockapi.MaxComment)+`"}`)}}))(t)
	_, err = f.ExecuteTransaction(ctx, admin, []mockapi.RowOperation{
		{Table: "notifications", Action: mockapi.ActionInsert, Data: raw(t, `{"user_id":1099511627776,"type":"email","message":"m"}`)}})
	wantCode(t, "a user that does not exist", err, mockapi.CodeNotFound)
	timed, timing := mockapi.WithTiming(ctx)
	must(f.ExecuteTransaction(timed, owner, suiteTransaction(t, owner.UserID)))(t)
	if d, ok := timing.Lock(); !ok || d <= 0 {
		t.Errorf("waited %v for locks, told %v", d, ok)
	}
	_, err = f.ExecuteTransaction(ctx, owner, nil)
	wantCode(t, "no operations", err, mockapi.CodeValidation)
	_, err = f.ExecuteTransaction(ctx, anonymous, suiteTransaction(t, 1))
	wantCode(t, "anonymous transaction", err, mockapi.CodeUnauthorized)
}

// testTransactionsTogether has hundreds of callers change the same rows, some in the other order: they must
// queue, and none may fail.
func testTransactionsTogether(t *testing.T, f *fixture) {
	admin, owner := f.staff(t, mockapi.RoleAdmin), f.user(t)
	var files []mockapi.Media
	for range 20 {
		files = append(files, f.file(t, owner, true, nil))
	}
	shelf := f.collection(t, owner, "Shelf", true)
	touch := func(id int64) mockapi.RowOperation {
		return mockapi.RowOperation{Table: "media_files", Action: mockapi.ActionUpdate, Where: raw(t, fmt.Sprintf(`{"id":%d}`, id)), Data: raw(t, `{"title":"touched"}`)}
	}
	rename := mockapi.RowOperation{Table: "collections", Action: mockapi.ActionUpdate, Where: raw(t, fmt.Sprintf(`{"id":%d}`, shelf.ID)), Data: raw(t, `{"name":"renamed"}`)}
	orders := [][]mockapi.RowOperation{
		suiteTransaction(t, owner.UserID),
		{rename, touch(files[3].ID), touch(files[17].ID)},
		{touch(files[17].ID), touch(files[3].ID), rename},
	}
	for i, err := range together(300, func(i int) error {
		_, err := f.ExecuteTransaction(t.Context(), admin, orders[i%len(orders)])
		return err
	}) {
		wantCode(t, fmt.Sprintf("caller %d", i), err, "")
	}
}

func testNotifications(t *testing.T, f *fixture) {
	ctx := t.Context()
	owner, other := f.user(t), f.user(t)
	var sent []int64
	for i := range 25 {
		n := must(f.CreateNotification(ctx, mockapi.NewNotification{UserID: owner.UserID, Type: "email", Message: fmt.Sprint("message ", i)}))(t)
		if n.Status != "sent" || n.ReadAt != nil || n.UserID != owner.UserID {
			t.Fatalf("made %+v", n)
		}
		sent = append(sent, n.ID)
	}
	_, err := f.CreateNotification(ctx, mockapi.NewNotification{UserID: 1 << 40, Type: "email", Message: "x"})
	wantCode(t, "message to nobody", err, mockapi.CodeNotFound)

	all := walk(t, 10, func(p mockapi.PageRequest) (mockapi.Page[mockapi.Notification], error) {
		return f.Notifications(ctx, owner.UserID, p)
	})
	got := make([]int64, len(all))
	for i, n := range all {
		got[i] = n.ID
	}
	slices.Reverse(sent)
	if !slices.Equal(got, sent) {
		t.Errorf("listed %v, want %v", got, sent)
	}
	page := must(f.Notifications(ctx, owner.UserID, mockapi.PageRequest{Limit: 10}))(t)
	if page.Total != 25 || page.TotalKind != mockapi.TotalExact {
		t.Errorf("total %d %s, want 25", page.Total, page.TotalKind)
	}
	if page := must(f.Notifications(ctx, other.UserID, mockapi.PageRequest{}))(t); len(page.Items) != 0 {
		t.Error("another's messages are listed")
	}
	read := must(f.ReadNotification(ctx, owner.UserID, sent[0]))(t)
	again := must(f.ReadNotification(ctx, owner.UserID, sent[0]))(t)
	if read.Status != "read" || read.ReadAt == nil || !again.ReadAt.Equal(*read.ReadAt) {
		t.Errorf("read %+v, again %+v", read, again)
	}
	_, err = f.ReadNotification(ctx, other.UserID, sent[0])
	wantCode(t, "another's message", err, mockapi.CodeNotFound)
}
