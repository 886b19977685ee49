package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// Lengths of time in microseconds.
const (
	minute = int64(60_000_000)
	hour   = 60 * minute
	day    = 24 * hour
)

const (
	// history is how far back the dataset goes: users signed up over the two years before the as-of time.
	history = 730 * day
	// newest is how long before the as-of time the last user signed up.
	newest = hour
	// recently is how long before the as-of time an active user's last login can be.
	recently = 45 * day
	// away is how long before the as-of time an inactive user's last login is, if the account is that old.
	away = 90 * day
	// neverSeen is the percentage of inactive users who never logged in. They own nothing and did nothing.
	neverSeen = 15
)

// userPlan says who the users are. Users are told apart by index, from 0 in the order of ids and of
// signing up. The first ones are the fixed accounts; every other one also has a rank, from 0 for the busiest.
type userPlan struct {
	key      ident.Key
	firstID  int64
	count    int64
	accounts int64
	asOf     int64

	ranks  dist.Perm // index - accounts -> rank
	seen   int64     // ranks from here on have never logged in
	status dist.Perm // rank -> place; places below active are active
	active int64
	roles  dist.Perm // index - accounts -> place in roleEnds
	// Places below roleEnds[i] and not below the end before have roleNames[i].
	roleEnds  []int64
	roleNames []string

	// start and step place the sign-ups: user i in the i-th step from start.
	start, step int64
}

// userRef is a user by index and rank; the rank of a fixed account is -1.
type userRef struct {
	index, rank int64
}

func newUserPlan(seed ident.Seed, p *profile.Profile, firstID, asOf int64, accounts []Account) *userPlan {
	n := p.Rows.Users
	u := &userPlan{key: seed.Key("users"), firstID: firstID, count: n, accounts: int64(len(accounts)), asOf: asOf, roleNames: profile.Roles(),
		start: asOf - history, step: (history - newest) / max(1, n)}
	others := n - u.accounts
	u.ranks = dist.NewPerm(others, uint64(seed.Key("user ranks")))

	// The weights hold for all users together, so the fixed accounts count.
	active := dist.Apportion(n, []float64{p.Weights.Active, 1 - p.Weights.Active})
	u.active = remaining(active, []int64{u.accounts, 0}, others)[0]
	inactive := others - u.active
	u.seen = others - min(inactive*neverSeen/100, max(0, others-1))
	u.active = min(u.active, u.seen)
	u.status = dist.NewPerm(u.seen, uint64(seed.Key("user status")))

	var weights []float64
	used := make([]int64, len(profile.Roles()))
	for i, role := range profile.Roles() {
		weights = append(weights, p.Weights.Roles[role])
		for _, a := range accounts {
			if a.Role == role {
				used[i]++
			}
		}
	}
	u.roles = dist.NewPerm(others, uint64(seed.Key("user roles")))
	end := int64(0)
	for _, n := range remaining(dist.Apportion(n, weights), used, others) {
		end += n
		u.roleEnds = append(u.roleEnds, end)
	}
	return u
}

// remaining returns total less used, kept above 0 and made to sum to n.
func remaining(total, used []int64, n int64) []int64 {
	left := make([]int64, len(total))
	sum := int64(0)
	for i := range total {
		left[i] = max(0, total[i]-used[i])
		sum += left[i]
	}
	for i := 0; sum > n; i++ { // more of some kind are used than its share is
		take := min(left[i], sum-n)
		left[i] -= take
		sum -= take
	}
	return left
}

// at returns the user with an index.
func (u *userPlan) at(index int64) userRef {
	if index < u.accounts {
		return userRef{index, -1}
	}
	return userRef{index, u.ranks.At(index - u.accounts)}
}

// atRank returns the user with a rank.
func (u *userPlan) atRank(rank int64) userRef {
	return userRef{u.accounts + u.ranks.Inverse(rank), rank}
}

func (u *userPlan) id(r userRef) int64 { return u.firstID + r.index }

// life is when a user was there.
type life struct {
	active bool
	// created is when the user signed up, and seen the last login or, without one, the sign-up.
	created, seen int64
	loggedIn      bool
}

// Columns of the randomness of a user's row.
const (
	userCreated = iota
	userSeen
	userUpdated
	userName
	userMail
	userPreferences
)

func (u *userPlan) row(r userRef) ident.Row { return u.key.Row(r.index) }

// life returns when a user was there. Everything that a user does is between created and seen.
func (u *userPlan) life(r userRef) life {
	row := u.row(r)
	l := life{created: u.start + r.index*u.step + ident.Below(row.Col(userCreated), u.step)}
	l.active = r.rank < 0 || r.rank < u.seen && u.status.At(r.rank) < u.active
	l.loggedIn = r.rank < u.seen
	age := u.asOf - l.created
	random := row.Col(userSeen)
	switch {
	case r.rank < 0:
		l.seen = u.asOf - ident.Below(random, min(age, 2*day))
	case l.active:
		l.seen = u.asOf - ident.Cubed(random, min(age, recently))
	case !l.loggedIn:
		l.seen = l.created
	case age > away:
		// At least a quarter of the time until then, so that there was time to do something.
		l.seen = u.asOf - away - ident.Below(random, (age-away)*3/4)
	default:
		l.seen = l.created + age/16 + ident.Below(random, age/8)
	}
	return l
}

// name returns the parts of the name of a user who is not a fixed account.
func (d *Dataset) name(r userRef) (first, last *person) {
	dice := d.users.row(r).Dice(userName)
	return &d.lexicon.first[dice.Roll(len(d.lexicon.first))], &d.lexicon.last[dice.Roll(len(d.lexicon.last))]
}

// givenName returns what others call a user.
func (d *Dataset) givenName(r userRef) string {
	if r.rank < 0 {
		return d.accountNames[r.index]
	}
	first, _ := d.name(r)
	return first.name
}

func (d *Dataset) appendFullName(dst []byte, r userRef) []byte {
	if r.rank < 0 {
		return append(dst, d.accounts[r.index].Name...)
	}
	first, last := d.name(r)
	dst = append(dst, first.name...)
	dst = append(dst, ' ')
	return append(dst, last.name...)
}

// mailDomains are reserved for documentation (RFC 2606): mail to them reaches nobody.
var mailDomains = []string{"@example.com", "@example.org", "@example.net", "@mail.example.com", "@post.example.org",
	"@inbox.example.net", "@home.example.com", "@studio.example.org", "@photo.example.net", "@office.example.com"}

// appendEmail adds a user's address. It ends with the id before the @, and names have no digits, so no two
// users share one.
func (d *Dataset) appendEmail(dst []byte, r userRef) []byte {
	if r.rank < 0 {
		return append(dst, d.accounts[r.index].Email...)
	}
	first, last := d.name(r)
	dice := d.users.row(r).Dice(userMail)
	switch dice.Roll(6) {
	case 0:
		dst = append(dst, first.mail...)
		dst = append(dst, '_')
		dst = append(dst, last.mail...)
	case 1:
		dst = append(dst, first.mail[0])
		dst = append(dst, last.mail...)
	case 2:
		dst = append(dst, last.mail...)
		dst = append(dst, '.')
		dst = append(dst, first.mail...)
	default:
		dst = append(dst, first.mail...)
		dst = append(dst, '.')
		dst = append(dst, last.mail...)
	}
	dst = appendInt(dst, d.users.id(r))
	return append(dst, mailDomains[dice.Roll(len(mailDomains))]...)
}

var (
	themes    = []string{"light", "light", "light", "dark", "dark", "dark", "system"}
	languages = []string{"en", "en", "en", "en", "de", "fr", "es", "pt", "nl", "it", "ja"}
	pageSizes = []string{"20", "20", "20", "50", "100"}
	booleans  = []string{"true", "false"}
)

// appendPreferences keeps to the form of PostgreSQL's jsonb, as pgcopy.Encoder.JSON asks for: members by
// length of key and then by bytes.
func (d *Dataset) appendPreferences(dst []byte, r userRef) []byte {
	dice := d.users.row(r).Dice(userPreferences)
	pick := func(list []string) { dst = append(dst, list[dice.Roll(len(list))]...) }
	dst = append(dst, `{"theme": "`...)
	pick(themes)
	dst = append(dst, `", "autoplay": `...)
	pick(booleans)
	dst = append(dst, `, "language": "`...)
	pick(languages)
	dst = append(dst, `", "pageSize": `...)
	pick(pageSizes)
	dst = append(dst, `, "notifications": `...)
	pick(booleans)
	return append(dst, '}')
}

// User fills u with user i, counted from 0.
func (d *Dataset) User(i int64, u *User) {
	r := d.users.at(i)
	l := d.users.life(r)
	u.ID = d.users.id(r)
	u.Email = d.appendEmail(u.Email[:0], r)
	u.Name = d.appendFullName(u.Name[:0], r)
	u.Preferences = d.appendPreferences(u.Preferences[:0], r)
	u.Active = l.active
	u.CreatedAt = l.created
	u.LastLoginAt = 0
	if l.loggedIn {
		u.LastLoginAt = l.seen
	}
	random := d.users.row(r).Dice(userUpdated)
	switch {
	case !l.active && l.loggedIn: // deactivated after the last login
		u.UpdatedAt = l.seen + ident.Below(uint64(random), d.asOf-l.seen+1)
	case random.OneIn(2): // never changed the profile
		u.UpdatedAt = l.created
	default:
		u.UpdatedAt = l.created + ident.Below(uint64(random), l.seen-l.created+1)
	}
	if r.rank < 0 {
		u.Role = d.accounts[i].Role
		u.PasswordHash = append(u.PasswordHash[:0], d.accountHashes[i]...)
		return
	}
	u.PasswordHash = append(u.PasswordHash[:0], d.defaultHash...)
	place := d.users.roles.At(i - d.users.accounts)
	for role, end := range d.users.roleEnds {
		if place < end {
			u.Role = d.users.roleNames[role]
			break
		}
	}
}
