package handler

import "github.com/medianest/testbed/mockapi"

// What clients send to make and change things, by single calls and in bulk.

// mediaInput is the metadata of a new file.
type mediaInput struct {
	Filename     string  `json:"filename"`
	OriginalName string  `json:"originalName"`
	Title        string  `json:"title"`
	Description  *string `json:"description"`
	MimeType     string  `json:"mimeType"`
	Size         *int64  `json:"size"`
	Width        *int32  `json:"width"`
	Height       *int32  `json:"height"`
	Duration     *int32  `json:"duration"`
	IsPublic     bool    `json:"isPublic"`
}

// read checks the input.
func (in *mediaInput) read() (mockapi.NewMedia, error) {
	var p problems
	m := mockapi.NewMedia{
		Filename: in.Filename, OriginalName: in.OriginalName, Title: in.Title, Description: in.Description,
		MimeType: in.MimeType, Width: in.Width, Height: in.Height, Duration: in.Duration, IsPublic: in.IsPublic,
	}
	if in.Size == nil {
		p.add("size", "is missing")
	} else {
		m.Size = *in.Size
	}
	return m, p.newMedia(&m)
}

// mediaChange is what changes of a file; nil leaves it.
type mediaChange struct {
	Filename    *string `json:"filename"`
	Title       *string `json:"title"`
	Description *string `json:"description"`
	IsPublic    *bool   `json:"isPublic"`
}

// read checks the input.
func (in *mediaChange) read() (mockapi.MediaUpdate, error) {
	var p problems
	if in.Filename != nil {
		p.filename("filename", *in.Filename)
	}
	p.optionalText("title", in.Title, 1, mockapi.MaxTitle)
	p.optionalText("description", in.Description, 0, mockapi.MaxDescription)
	up := mockapi.MediaUpdate{Filename: in.Filename, Title: in.Title, Description: in.Description, IsPublic: in.IsPublic}
	if up == (mockapi.MediaUpdate{}) {
		p.add("", "nothing to change: give filename, title, description or isPublic")
	}
	return up, p.err()
}

// collectionInput is a new collection.
type collectionInput struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	IsPublic    bool    `json:"isPublic"`
}

// read checks the input.
func (in *collectionInput) read() (mockapi.NewCollection, error) {
	var p problems
	p.text("name", in.Name, 1, mockapi.MaxName)
	p.optionalText("description", in.Description, 0, mockapi.MaxDescription)
	return mockapi.NewCollection{Name: in.Name, Description: in.Description, IsPublic: in.IsPublic}, p.err()
}

// collectionChange is what changes of a collection; nil leaves it.
type collectionChange struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	IsPublic    *bool   `json:"isPublic"`
}

// read checks the input.
func (in *collectionChange) read() (mockapi.CollectionUpdate, error) {
	var p problems
	p.optionalText("name", in.Name, 1, mockapi.MaxName)
	p.optionalText("description", in.Description, 0, mockapi.MaxDescription)
	up := mockapi.CollectionUpdate{Name: in.Name, Description: in.Description, IsPublic: in.IsPublic}
	if up == (mockapi.CollectionUpdate{}) {
		p.add("", "nothing to change: give name, description or isPublic")
	}
	return up, p.err()
}
