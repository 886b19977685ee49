package handler

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/medianest/testbed/mockapi"
)

// listCollections lists the collections that the caller sees, newest first.
func (a *API) listCollections(c *Call) error {
	p := c.params()
	q := mockapi.CollectionQuery{PageRequest: p.page(), OwnerID: p.id("userId"), Name: p.text("name", mockapi.MaxName)}
	if err := p.err(); err != nil {
		return err
	}
	page, err := a.store.ListCollections(c.Context(), c.viewer(), q)
	if err != nil {
		return err
	}
	return replyPage(c, "data", page, q.PageRequest, appendCollection)
}

// createCollection makes an empty collection.
func (a *API) createCollection(c *Call) error {
	var in collectionInput
	if err := c.readJSON(&in); err != nil {
		return err
	}
	n, err := in.read()
	if err != nil {
		return err
	}
	made, err := a.store.CreateCollection(c.Context(), c.viewer(), n)
	if err != nil {
		return err
	}
	return replyCreated(c, made.ID, &made, appendCollection)
}

// getCollection shows a collection with a page of its items.
func (a *API) getCollection(c *Call) error {
	id, asked, err := c.collectionPage()
	if err != nil {
		return err
	}
	collection, err := a.store.Collection(c.Context(), c.viewer(), id)
	if err != nil {
		return err
	}
	items, err := a.store.CollectionItems(c.Context(), c.viewer(), id, asked)
	if err != nil {
		return err
	}
	b := append(c.buf[:0], `{"success":true,"data":`...)
	b = appendCollection(b, &collection)
	b = append(b[:len(b)-1], `,"items":`...) // into the object just closed
	b = appendArray(b, items.Items, appendCollectionItem)
	b = append(b, '}')
	b = c.appendMeta(b)
	b = append(b, `,"pagination":`...)
	b = appendPagination(b, items.Total, items.TotalKind, items.HasNext, items.NextCursor, asked)
	c.send(http.StatusOK, append(b, "}}"...))
	return nil
}

// collectionItems lists the items of a collection by position.
func (a *API) collectionItems(c *Call) error {
	id, asked, err := c.collectionPage()
	if err != nil {
		return err
	}
	items, err := a.store.CollectionItems(c.Context(), c.viewer(), id, asked)
	if err != nil {
		return err
	}
	return replyPage(c, "data", items, asked, appendCollectionItem)
}

// collectionPage reads which collection and which page of its items are asked for.
func (c *Call) collectionPage() (int64, mockapi.PageRequest, error) {
	id, err := c.pathID("id")
	if err != nil {
		return 0, mockapi.PageRequest{}, err
	}
	p := c.params()
	asked := p.page()
	return id, asked, p.err()
}

// updateCollection changes what is given.
func (a *API) updateCollection(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	var in collectionChange
	if err := c.readJSON(&in); err != nil {
		return err
	}
	up, err := in.read()
	if err != nil {
		return err
	}
	changed, err := a.store.UpdateCollection(c.Context(), c.viewer(), id, up)
	if err != nil {
		return err
	}
	return replyOne(c, &changed, appendCollection)
}

// deleteCollection deletes a collection and leaves the files in it alone.
func (a *API) deleteCollection(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	if err := a.store.DeleteCollection(c.Context(), c.viewer(), id); err != nil {
		return err
	}
	return replyDone(c)
}

// addCollectionItems appends files in the given order and answers with the collection.
func (a *API) addCollectionItems(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	var in struct {
		MediaIDs []int64 `json:"mediaIds"`
	}
	if err := c.readJSON(&in); err != nil {
		return err
	}
	var p problems
	if len(in.MediaIDs) == 0 || len(in.MediaIDs) > mockapi.MaxItems {
		p.add("mediaIds", "has %d ids, want 1 to %d", len(in.MediaIDs), mockapi.MaxItems)
	}
	for i, mediaID := range in.MediaIDs {
		if mediaID <= 0 {
			p.add(fmt.Sprintf("mediaIds[%d]", i), "is %d, want an id", mediaID)
			break
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	if err := a.store.AddCollectionItems(c.Context(), c.viewer(), id, in.MediaIDs); err != nil {
		return err
	}
	collection, err := a.store.Collection(c.Context(), c.viewer(), id)
	if err != nil {
		return err
	}
	return replyOne(c, &collection, appendCollection)
}

// removeCollectionItem takes a file out of a collection.
func (a *API) removeCollectionItem(c *Call) error {
	id, err := c.pathID("id")
	if err != nil {
		return err
	}
	mediaID, err := c.pathID("mediaId")
	if err != nil {
		return err
	}
	if err := a.store.RemoveCollectionItem(c.Context(), c.viewer(), id, mediaID); err != nil {
		return err
	}
	return replyDone(c)
}

func appendCollection(b []byte, v *mockapi.Collection) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, v.ID, 10)
	b = append(b, `,"userId":`...)
	b = strconv.AppendInt(b, v.UserID, 10)
	b = append(b, `,"name":`...)
	b = appendString(b, v.Name)
	b = append(b, `,"description":`...)
	b = appendOptionalString(b, v.Description)
	b = append(b, `,"isPublic":`...)
	b = strconv.AppendBool(b, v.IsPublic)
	b = append(b, `,"itemCount":`...)
	b = strconv.AppendInt(b, v.ItemCount, 10)
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, v.CreatedAt)
	b = append(b, `,"updatedAt":`...)
	b = appendTime(b, v.UpdatedAt)
	return append(b, '}')
}

func appendCollectionItem(b []byte, v *mockapi.CollectionItem) []byte {
	b = append(b, `{"position":`...)
	b = strconv.AppendInt(b, int64(v.Position), 10)
	b = append(b, `,"addedAt":`...)
	b = appendTime(b, v.AddedAt)
	b = append(b, `,"media":`...)
	b = appendMedia(b, &v.Media)
	return append(b, '}')
}
