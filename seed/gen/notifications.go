package gen

import (
	"github.com/medianest/testbed/seed/dist"
	"github.com/medianest/testbed/seed/ident"
	"github.com/medianest/testbed/seed/profile"
)

// notificationPlan says who was notified.
type notificationPlan struct {
	key     ident.Key
	firstID int64
	owners  ownership
}

func newNotificationPlan(seed ident.Seed, p *profile.Profile, firstID int64, users *userPlan) *notificationPlan {
	return &notificationPlan{key: seed.Key("notifications"), firstID: firstID,
		owners: newOwnership(users, seed.Key("notification owners"), p.Rows.Notifications, dist.Tail(30))}
}

// Columns of the randomness of a notification's row.
const (
	notificationKind = iota
	notificationTime
	notificationTarget
	notificationStatus
	notificationRead
)

// Ways for a notification to go, each as often as it is in its list.
var (
	socialTypes = []string{"in_app", "in_app", "in_app", "push", "push", "email"}
	loginTypes  = []string{"email", "email", "sms", "push"}
	mailTypes   = []string{"email", "email", "email", "in_app"}
)

// Notification fills n with notification i, counted from 0.
func (d *Dataset) Notification(i int64, n *Notification) {
	p := d.notifications
	row := p.key.Row(i)
	user, _, _ := p.owners.owner(i)
	l := d.users.life(user)
	n.ID, n.UserID = p.firstID+i, d.users.id(user)
	n.Message = n.Message[:0]
	kind := row.Dice(notificationKind)
	types := mailTypes
	n.CreatedAt = l.created + ident.Below(row.Col(notificationTime), d.asOf-l.created+1)
	switch choice := kind.Roll(20); {
	case choice < 9: // about a comment that somebody left below one of the user's files
		if d.notifyOfComment(n, user, row.Col(notificationTarget)) {
			types = socialTypes
			break
		}
		fallthrough
	case choice < 12: // about an upload
		if owned := d.media.owners.count(user); owned > 0 {
			f := d.file(d.media.owners.row(user, ident.Below(row.Col(notificationTarget), owned)))
			types = socialTypes
			n.CreatedAt = min(d.asOf, f.created+ident.Below(row.Col(notificationTime), minute))
			n.Message = append(n.Message, "Your upload \""...)
			n.Message = d.appendTitle(n.Message, d.media.kinds.of(f.index).mime, d.media.key.Row(f.index))
			n.Message = append(n.Message, "\" is ready."...)
			break
		}
		fallthrough
	case choice < 14:
		types = loginTypes
		n.CreatedAt = l.created + ident.Below(row.Col(notificationTime), l.seen-l.created+1)
		n.Message = append(n.Message, "New sign-in from "...)
		n.Message = append(n.Message, clients[kind.Roll(len(clients))]...)
		n.Message = append(n.Message, '.')
	case choice < 15:
		n.CreatedAt = l.created + ident.Below(row.Col(notificationTime), minute)
		n.Message = append(n.Message, "Welcome to MediaNest, "...)
		n.Message = append(n.Message, d.givenName(user)...)
		n.Message = append(n.Message, '!')
	case choice < 18:
		n.Message = d.phrases.digests.append(n.Message, &kind, about{})
	default:
		n.Message = d.phrases.system.append(n.Message, &kind, about{})
	}
	n.Type = types[kind.Roll(len(types))]

	status := row.Dice(notificationStatus)
	n.Status, n.ReadAt = "sent", 0
	switch choice := status.Roll(100); {
	case choice < 3:
		n.Status = "failed"
	case n.CreatedAt > d.asOf-10*minute:
		n.Status = "queued"
	case choice < 70 && n.CreatedAt < l.seen: // the user was there afterwards
		n.Status = "read"
		n.ReadAt = n.CreatedAt + ident.Cubed(row.Col(notificationRead), l.seen-n.CreatedAt+1)
	}
}

// notifyOfComment makes n tell user of a comment by somebody else, if a look at one of the user's files
// finds one.
func (d *Dataset) notifyOfComment(n *Notification, user userRef, random uint64) bool {
	owned := d.media.owners.count(user)
	if owned == 0 {
		return false
	}
	file := d.media.owners.row(user, ident.Below(random, owned))
	slot, count := d.comments.about(d.media.places.At(file))
	if count == 0 {
		return false
	}
	r := d.remark(d.comments.rows.Inverse(slot + ident.Below(ident.Mix(random), count)))
	if r.author == user {
		return false
	}
	n.CreatedAt = r.created
	n.Message = d.appendFullName(n.Message, r.author)
	n.Message = append(n.Message, " commented on \""...)
	n.Message = d.appendTitle(n.Message, d.media.kinds.of(file).mime, d.media.key.Row(file))
	n.Message = append(n.Message, "\"."...)
	return true
}
