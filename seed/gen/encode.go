package gen

import "github.com/medianest/testbed/seed/pgcopy"

func (d *Dataset) userRows() RowFunc {
	var u User
	return func(e pgcopy.Encoder, i int64) {
		d.User(i, &u)
		e.BeginRow(10)
		e.Int64(u.ID)
		e.Text(u.Email)
		e.Text(u.PasswordHash)
		e.Text(u.Name)
		e.String(u.Role)
		e.JSON(u.Preferences)
		e.Bool(u.Active)
		e.Time(u.CreatedAt)
		e.Time(u.UpdatedAt)
		instant(e, u.LastLoginAt)
		e.EndRow()
	}
}

func (d *Dataset) mediaFileRows() RowFunc {
	var m MediaFile
	return func(e pgcopy.Encoder, i int64) {
		d.MediaFile(i, &m)
		e.BeginRow(17)
		e.Int64(m.ID)
		e.Int64(m.UserID)
		e.Text(m.Filename)
		e.Text(m.OriginalName)
		e.Text(m.Title)
		text(e, m.Description)
		e.String(m.MIMEType)
		e.Int64(m.Size)
		number(e, m.Width)
		number(e, m.Height)
		number(e, m.Duration)
		e.Int64(m.ViewCount)
		e.Bool(m.Public)
		e.Null() // sha256: seeded files have no bytes
		e.Time(m.CreatedAt)
		e.Time(m.UpdatedAt)
		instant(e, m.LastAccessed)
		e.EndRow()
	}
}

func (d *Dataset) collectionRows() RowFunc {
	var c Collection
	return func(e pgcopy.Encoder, i int64) {
		d.Collection(i, &c)
		e.BeginRow(7)
		e.Int64(c.ID)
		e.Int64(c.UserID)
		e.Text(c.Name)
		text(e, c.Description)
		e.Bool(c.Public)
		e.Time(c.CreatedAt)
		e.Time(c.UpdatedAt)
		e.EndRow()
	}
}

func (d *Dataset) collectionItemRows() RowFunc {
	var ci CollectionItem
	return func(e pgcopy.Encoder, i int64) {
		d.CollectionItem(i, &ci)
		e.BeginRow(4)
		e.Int64(ci.CollectionID)
		e.Int64(ci.MediaID)
		e.Int32(ci.Position)
		e.Time(ci.AddedAt)
		e.EndRow()
	}
}

func (d *Dataset) tagRows() RowFunc {
	var t Tag
	return func(e pgcopy.Encoder, i int64) {
		d.Tag(i, &t)
		e.BeginRow(3)
		e.Int64(t.ID)
		e.Text(t.Name)
		e.Time(t.CreatedAt)
		e.EndRow()
	}
}

func (d *Dataset) mediaTagRows() RowFunc {
	var mt MediaTag
	return func(e pgcopy.Encoder, i int64) {
		d.MediaTag(i, &mt)
		e.BeginRow(2)
		e.Int64(mt.MediaID)
		e.Int64(mt.TagID)
		e.EndRow()
	}
}

func (d *Dataset) commentRows() RowFunc {
	var c Comment
	return func(e pgcopy.Encoder, i int64) {
		d.Comment(i, &c)
		e.BeginRow(6)
		e.Int64(c.ID)
		e.Int64(c.MediaID)
		e.Int64(c.UserID)
		e.Text(c.Body)
		e.Time(c.CreatedAt)
		e.Time(c.UpdatedAt)
		e.EndRow()
	}
}

func (d *Dataset) activityRows() RowFunc {
	var a Activity
	return func(e pgcopy.Encoder, i int64) {
		d.Activity(i, &a)
		e.BeginRow(5)
		e.Int64(a.ID)
		e.Int64(a.UserID)
		e.String(a.Action)
		if len(a.Details) == 0 {
			e.Null()
		} else {
			e.JSON(a.Details)
		}
		e.Time(a.Timestamp)
		e.EndRow()
	}
}

func (d *Dataset) notificationRows() RowFunc {
	var n Notification
	return func(e pgcopy.Encoder, i int64) {
		d.Notification(i, &n)
		e.BeginRow(7)
		e.Int64(n.ID)
		e.Int64(n.UserID)
		e.String(n.Type)
		e.Text(n.Message)
		e.String(n.Status)
		e.Time(n.CreatedAt)
		instant(e, n.ReadAt)
		e.EndRow()
	}
}

// text, instant and number append NULL for the value that stands for it in a row struct.
func text(e pgcopy.Encoder, v []byte) {
	if len(v) == 0 {
		e.Null()
		return
	}
	e.Text(v)
}

func instant(e pgcopy.Encoder, unixMicro int64) {
	if unixMicro == 0 {
		e.Null()
		return
	}
	e.Time(unixMicro)
}

func number(e pgcopy.Encoder, v int32) {
	if v == 0 {
		e.Null()
		return
	}
	e.Int32(v)
}
