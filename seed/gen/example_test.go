package gen_test

import (
	"fmt"
	"log"
	"time"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
	"github.com/medianest/testbed/seed/profile"
)

// Rows of any table, encoded for COPY.
func Example() {
	p, err := profile.Load("smoke", nil)
	if err != nil {
		log.Fatal(err)
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range d.Tables() {
		var e pgcopy.CSV
		row := t.NewRowFunc() // one for each goroutine
		row(&e, t.Rows/2)
		fmt.Printf("%s: %s", t.Schema.Name, e.Swap(nil))
	}
	// Output:
	// users: 31,sigmund.schimmel31@example.com,$2a$04$tRVnvf27DK4MjtXf7p0Fi.4Q1FtawyaYlqtqfekwzNyoPUhloR8x.,Sigmund Schimmel,user,"{""theme"": ""light"", ""autoplay"": true, ""language"": ""en"", ""pageSize"": 100, ""notifications"": true}",t,2025-11-08 07:58:27.875780+00,2025-11-25 06:30:20.079877+00,2026-10-18 02:54:16.562411+00
	// media_files: 101,27,IMG_40141781.jpg,IMG_5756.JPG,"View from the hotel, Istanbul",Edited a little: mood and perspective.,image/jpeg,1094845,2400,1600,,8082,t,,2026-08-30 22:02:28.923228+00,2026-08-30 22:02:28.923228+00,2026-10-13 07:46:25.879220+00
	// collections: 11,37,Cycling in Madeira,Please ask before using any of these.,f,2026-02-15 22:32:41.902730+00,2026-09-01 07:16:25.602156+00
	// collection_items: 18,67,9,2026-05-08 08:49:49.809851+00
	// tags: 16,black-and-white,2025-11-10 23:03:05.023066+00
	// media_tags: 164,17
	// comments: 101,101,58,"I was there in January, it looked quite different.",2026-09-28 18:42:01.448593+00,2026-09-28 18:42:01.448593+00
	// user_activity: 61,59,search,"{""query"": ""how to descale the kettle""}",2026-10-24 02:43:54.599504+00
	// notifications: 31,60,in_app,"Your upload ""Lavender in January"" is ready.",read,2026-10-31 07:20:53.001169+00,2026-10-31 08:58:48.756489+00
}

// What a load runner can know of the dataset that its target serves.
func ExampleDataset_MediaOf() {
	p, err := profile.Load("volume", nil)
	if err != nil {
		log.Fatal(err)
	}
	d, err := gen.New(p, gen.Options{Seed: 1, AsOf: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	const user = 31_415
	email, _ := d.Login(user)
	fmt.Println(email, "owns", d.MediaCount(user), "files")
	var m gen.MediaFile
	for n := range min(3, d.MediaCount(user)) {
		i := d.MediaOf(user, n)
		d.MediaFile(i, &m)
		fmt.Printf("%d %s, public %v, %d views, %d comments\n", m.ID, m.Title, m.Public, m.ViewCount, d.CommentCount(i))
	}
	// Output:
	// billie.schuppe31416@studio.example.org owns 5 files
	// 501469 Kylie's avatar, public false, 5 views, 0 comments
	// 702354 Gull feeding its young, public true, 2 views, 1 comments
	// 405240 Beacon seating plan, public true, 2 views, 0 comments
}
