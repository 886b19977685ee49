package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/medianest/testbed/seed/gen"
	"github.com/medianest/testbed/seed/pgcopy"
)

// Format is a format of files that COPY reads.
type Format string

// The formats of WriteFiles.
const (
	FormatBinary Format = "binary"
	FormatCSV    Format = "csv"
)

// extension returns the end of the names of data files.
func (f Format) extension() string {
	if f == FormatCSV {
		return ".csv"
	}
	return ".bin"
}

// FileOptions are the settings of WriteFiles.
type FileOptions struct {
	// Workers is how many files are written at once; DefaultWorkers if 0.
	Workers int
	// Progress is called as Options.Progress is, with PhaseLoad.
	Progress func(Progress)
}

// ScriptName is the name of the script that WriteFiles puts beside the data.
const ScriptName = "load.sql"

// WriteFiles writes the dataset's rows into dir, one file a table, and a script that loads them with psql
// into an empty database. It creates dir, refuses one that is not empty, and leaves nothing behind when it
// fails. Until everything is written, files have names that end in .partial.
func WriteFiles(ctx context.Context, ds Dataset, dir string, format Format, o FileOptions) (err error) {
	if format != FormatBinary && format != FormatCSV {
		return fmt.Errorf("write files: unknown format %q: it is %s or %s", format, FormatBinary, FormatCSV)
	}
	if o.Workers <= 0 {
		o.Workers = DefaultWorkers
	}
	w := &fileWriter{dir: dir, format: format, ds: ds, track: newTracker(ds, o.Progress, DefaultProgressEvery)}
	defer w.track.close()
	if err := w.open(); err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write files: %w", err), w.removeAll())
		}
	}()
	w.track.enter(PhaseLoad)
	sums := make([]uint64, len(ds.Tables))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.Workers)
	for i, t := range ds.Tables {
		group.Go(func() (err error) {
			sums[i], err = w.table(ctx, t)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := w.file(ScriptName, func(f *os.File) error { return writeScript(f, ds, absolute, format, sums) }); err != nil {
		return err
	}
	if err := w.publish(); err != nil {
		return err
	}
	w.track.enter(PhaseDone)
	return nil
}

// fileWriter remembers what it has made, to be able to remove it.
type fileWriter struct {
	dir    string
	format Format
	ds     Dataset
	track  *tracker
	made   bool // dir

	mu    sync.Mutex
	names []string
}

const partial = ".partial"

func (w *fileWriter) open() error {
	entries, err := os.ReadDir(w.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.made = true
		return os.MkdirAll(w.dir, 0o755)
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("directory %s is not empty (it has %s): name a new one", w.dir, entries[0].Name())
	}
	return nil
}

// file writes a file under its partial name.
func (w *fileWriter) file(name string, write func(*os.File) error) error {
	w.mu.Lock()
	w.names = append(w.names, name)
	w.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(w.dir, name+partial), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// publish gives all files their names, the script, which is last, only after all data.
func (w *fileWriter) publish() error {
	for _, name := range w.names {
		path := filepath.Join(w.dir, name)
		if err := os.Rename(path+partial, path); err != nil {
			return err
		}
	}
	return nil
}

func (w *fileWriter) removeAll() error {
	var problems []error
	remove := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	for _, name := range w.names {
		remove(filepath.Join(w.dir, name+partial))
		remove(filepath.Join(w.dir, name))
	}
	if w.made {
		remove(w.dir)
	}
	return errors.Join(problems...)
}

// fileBlock is how much is encoded before it is written.
const fileBlock = 256 << 10

// table writes the rows of a table and returns their checksum, which is always that of the binary format.
func (w *fileWriter) table(ctx context.Context, t gen.Table) (sum uint64, err error) {
	doing := w.track.start(t.Schema.Name)
	defer doing()
	err = w.file(t.Schema.Name+w.format.extension(), func(f *os.File) error {
		if w.format == FormatCSV {
			sum, err = w.csv(ctx, f, t)
		} else {
			sum, err = w.binary(ctx, f, t)
		}
		return err
	})
	return sum, err
}

func (w *fileWriter) binary(ctx context.Context, f *os.File, t gen.Table) (uint64, error) {
	var enc pgcopy.Binary
	row, sent := t.NewRowFunc(), w.track.rows(t.Schema.Name)
	buf := pgcopy.AppendBinaryHeader(make([]byte, 0, fileBlock+fileBlock/8))
	for i := int64(0); ; {
		from := i
		enc.Swap(buf)
		for ; i < t.Rows && enc.Len() < fileBlock; i++ {
			row(&enc, i)
		}
		buf = enc.Swap(nil)
		if i == t.Rows {
			buf = pgcopy.AppendBinaryTrailer(buf)
		}
		if err := w.flush(ctx, f, buf); err != nil {
			return 0, err
		}
		sent(i-from, int64(len(buf)))
		if buf = buf[:0]; i == t.Rows {
			return enc.Checksum(), nil
		}
	}
}

// csv makes each row twice, because the checksum is that of its binary form.
func (w *fileWriter) csv(ctx context.Context, f *os.File, t gen.Table) (uint64, error) {
	var text pgcopy.CSV
	var enc pgcopy.Binary
	row, sent := t.NewRowFunc(), w.track.rows(t.Schema.Name)
	buf := make([]byte, 0, fileBlock+fileBlock/8)
	for i := int64(0); i < t.Rows; {
		from := i
		text.Swap(buf[:0])
		for ; i < t.Rows && text.Len() < fileBlock; i++ {
			row(&text, i)
			enc.Swap(enc.Swap(nil)[:0])
			row(&enc, i)
		}
		buf = text.Swap(nil)
		if err := w.flush(ctx, f, buf); err != nil {
			return 0, err
		}
		sent(i-from, int64(len(buf)))
	}
	return enc.Checksum(), nil
}

func (w *fileWriter) flush(ctx context.Context, f *os.File, buf []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := f.Write(buf)
	return err
}

// stamp is a time as a literal of SQL.
func stamp(t time.Time) string {
	return "'" + t.UTC().Format("2006-01-02T15:04:05.999999Z") + "'"
}
