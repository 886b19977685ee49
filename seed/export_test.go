package seed

import "context"

// DropSnapshot deletes the snapshot of the database at dsn and its spare copy, if there are any.
func DropSnapshot(ctx context.Context, dsn string) error {
	c, err := openCluster(ctx, dsn)
	if err != nil {
		return err
	}
	defer c.close()
	for _, name := range []string{c.spare(), c.newSnapshot(), c.retired(), c.snapshot()} {
		if err := c.drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
