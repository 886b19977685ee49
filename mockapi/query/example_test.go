package query_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/medianest/testbed/mockapi/query"
)

func ExampleParse() {
	q, err := query.Parse(`tags:(photo OR image) size:>1.5MB -public:no`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	// Output: (tags:photo OR tags:image) AND size:>1500000 AND NOT is_public:false
}

func ExampleError() {
	_, err := query.Parse(`été AND colections.name:"Test Collection"`)
	if e, ok := errors.AsType[*query.Error](err); ok {
		fmt.Println(e.Pos.Byte, e.Pos.Rune)
		fmt.Println(e.Message)
		fmt.Println(e.Hint)
	}
	fmt.Println(errors.Is(err, query.ErrUnknownField))
	// Output:
	// 10 8
	// there is no field "colections.name"
	// did you mean collections.name? To search for the text itself, quote it
	// true
}

func ExampleQuery_SQL() {
	q, err := query.Parse(`filename:*_1%.jpg AND size:>1MB`)
	if err != nil {
		fmt.Println(err)
		return
	}
	where, args := q.SQL(query.Viewer{ID: 7}, time.Now(), 3)
	fmt.Println(where)
	fmt.Println(args...)
	// Output:
	// ((lower(m.filename) LIKE (SELECT lower($3::text))) AND (m.size > $4::bigint))
	// %\_1\%.jpg 1000000
}

func ExampleQuery_Match() {
	q, err := query.Parse(`created_at:>=now-7d AND collections.name:secret*`)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)
	row := query.Row{
		CreatedAt:   now.AddDate(0, 0, -3),
		Collections: []query.RowCollection{{ID: 1, UserID: 7, Name: "Secret plans"}},
	}
	fmt.Println(q.Match(query.Viewer{ID: 7}, now, &row), q.Match(query.Viewer{ID: 8}, now, &row))
	// Output: true false
}

func ExampleQuery_Plan() {
	for _, src := range []string{
		`filename:*.jpg AND size:>1000000`,
		`created_at:>2024-01-01 AND user.role:admin`,
		`tags:photo OR tags:image`,
		`collections.name:"Test Collection"`,
		`user_id:7 AND NOT tags:photo`,
	} {
		q, err := query.Parse(src)
		if err != nil {
			fmt.Println(err)
			return
		}
		p := q.Plan(query.Viewer{ID: 7}, query.Page{Limit: 20})
		fmt.Printf("walk %s, after %d files ask %q\n", p.Walk, p.ShortWalk, p.Drivers)
	}
	// Output:
	// walk newest, after 400 files ask ["size" "filename"]
	// walk newest, after 0 files ask []
	// walk newest, after 400 files ask ["tags + tags"]
	// walk newest, after 0 files ask ["collections.name"]
	// walk owner, after 0 files ask []
}

// The rows of a Statement become a page: the 21st hit only says that there is more.
func ExampleCut() {
	type row struct {
		id  int64
		hit bool
	}
	place := func(r row) (query.Cursor, bool) { return query.Cursor{ID: r.id}, r.hit }

	items, next, complete := query.Cut([]row{{9, true}, {7, true}, {4, true}}, 2, place)
	fmt.Println(items, next.ID, complete)
	items, next, complete = query.Cut([]row{{9, true}, {5, false}}, 2, place)
	fmt.Println(items, next.ID, complete)
	items, next, complete = query.Cut([]row{{9, true}}, 2, place)
	fmt.Println(items, next, complete)
	// Output:
	// [{9 true} {7 true}] 7 true
	// [{9 true}] 5 false
	// [{9 true}] <nil> true
}
