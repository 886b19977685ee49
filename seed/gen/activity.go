package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// activityPlan says what the activity log has.
type activityPlan struct {
	key     ident.Key
	firstID int64
	owners  ownership
}

func newActivityPlan(seed ident.Seed, p *profile.Profile, firstID int64, users *userPlan) *activityPlan {
	return &activityPlan{key: seed.Key("user_activity"), firstID: firstID,
		owners: newOwnership(users, seed.Key("activity owners"), p.Rows.UserActivity, dist.Tail(30))}
}

// Columns of the randomness of a row of the log.
const (
	activityAction = iota
	activityTime
	activityTarget
	activityDetails
)

// actions are what the log records, each as often as it is in the list. What an action needs and does not
// find, such as a file of one's own, makes it a login.
var actions = []string{
	"login", "login", "login", "login", "login", "logout", "view", "view", "view", "view", "view", "view",
	"upload", "upload", "update", "comment", "comment", "share", "download", "download", "search", "search",
}

// Activity fills a with row i of the activity log, counted from 0. An upload and a comment are those of an
// existing file and an existing comment, at their time; what is viewed, shared or downloaded existed and
// was visible to the user at the time.
func (d *Dataset) Activity(i int64, a *Activity) {
	p := d.activity
	row := p.key.Row(i)
	user, nth, count := p.owners.owner(i)
	l := d.users.life(user)
	random, target := row.Col(activityTime), row.Col(activityTarget)
	within := func(from, to int64) int64 { return from + ident.Below(random, to-from+1) }

	dice := row.Dice(activityAction)
	a.Action = actions[dice.Roll(len(actions))]
	a.Details = a.Details[:0]
	details := row.Dice(activityDetails)
	owned := d.media.owners.count(user)
	switch a.Action {
	case "upload", "update":
		if owned > 0 {
			f := d.file(d.media.owners.row(user, ident.Below(target, owned)))
			a.Timestamp = f.created
			a.Details = append(a.Details, '{')
			if a.Action == "update" {
				a.Timestamp = within(f.created, l.seen)
				a.Details = append(a.Details, `"fields": ["`...)
				a.Details = append(a.Details, mediaFields[details.Roll(len(mediaFields))]...)
				a.Details = append(a.Details, `"], `...)
			}
			a.Details = append(d.appendMediaID(a.Details, f.index), '}')
		}
	case "comment":
		// The author of some comment takes the place of the user, except for fixed accounts, whose rows are
		// counted.
		if n := d.profile.Rows.Comments; n > 0 && user.rank >= 0 {
			r := d.remark(ident.Below(target, n))
			user = r.author
			a.Timestamp = r.created
			a.Details = d.appendMediaID(append(a.Details, '{'), r.file.index)
			a.Details = append(a.Details, `, "commentId": `...)
			a.Details = append(appendInt(a.Details, d.comments.firstID+r.index), '}')
		}
	case "view", "share", "download":
		f, ok := d.visibleFile(user, l, owned, target)
		if ok {
			a.Timestamp = within(max(f.created, l.created), l.seen)
			a.Details = append(a.Details, '{')
			if a.Action == "share" {
				a.Details = append(a.Details, `"channel": "`...)
				a.Details = append(a.Details, channels[details.Roll(len(channels))]...)
				a.Details = append(a.Details, `", `...)
			}
			a.Details = append(d.appendMediaID(a.Details, f.index), '}')
		}
	case "search":
		a.Timestamp = within(l.created, l.seen)
		a.Details = append(a.Details, `{"query": "`...)
		at := len(a.Details)
		a.Details = d.phrases.searches.append(a.Details, &details, about{})
		for j := at; j < len(a.Details); j++ { // people type in lower case
			if c := a.Details[j]; c >= 'A' && c <= 'Z' {
				a.Details[j] = c - 'A' + 'a'
			}
		}
		a.Details = append(a.Details, `"}`...)
	case "logout":
		a.Timestamp = within(l.created, l.seen)
		a.ID, a.UserID = p.firstID+i, d.users.id(user)
		return
	}
	if len(a.Details) == 0 {
		a.Action = "login"
		a.Timestamp = within(l.created, l.seen)
		if nth == count-1 { // the last login is the one that the user's row names
			a.Timestamp = l.seen
		}
		a.Details = append(a.Details, `{"ip": "`...)
		a.Details = append(a.Details, testNetworks[details.Roll(len(testNetworks))]...)
		a.Details = appendInt(a.Details, int64(1+details.Roll(254)))
		a.Details = append(a.Details, `", "client": "`...)
		a.Details = append(a.Details, clients[details.Roll(len(clients))]...)
		a.Details = append(a.Details, `"}`...)
	}
	a.ID, a.UserID = p.firstID+i, d.users.id(user)
}

var (
	mediaFields = []string{"title", "title", "description", "tags", "isPublic"}
	channels    = []string{"link", "link", "email", "message"}
	// testNetworks are reserved for documentation (RFC 5737).
	testNetworks = []string{"192.0.2.", "198.51.100.", "203.0.113."}
	clients      = []string{"Chrome on Windows", "Chrome on Android", "Chrome on macOS", "Safari on iPhone", "Safari on macOS",
		"Firefox on Linux", "Firefox on Windows", "Edge on Windows"}
)

// appendMediaID appends the id of a file as a member of a JSON object. Objects have their members in the
// order and with the spaces of PostgreSQL's jsonb, as pgcopy.Encoder.JSON asks for.
func (d *Dataset) appendMediaID(dst []byte, index int64) []byte {
	return appendInt(append(dst, `"mediaId": `...), d.media.id(index))
}

// visibleFile picks a file that a user can have seen, a popular public one or one of the user's own, and
// reports whether there is one.
func (d *Dataset) visibleFile(user userRef, l life, owned int64, random uint64) (media, bool) {
	dice := ident.Dice(random)
	if owned > 0 && (d.media.public == 0 || dice.OneIn(4)) {
		return d.file(d.media.owners.row(user, ident.Below(uint64(dice), owned))), true
	}
	for try := uint64(0); try < 4 && d.media.public > 0; try++ {
		f := d.publicFile(ident.Fourth(ident.Mix(random+try), d.media.public))
		if f.created <= l.seen {
			return f, true
		}
	}
	return media{}, false
}
