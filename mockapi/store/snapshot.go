package store

import (
	"encoding/binary"
	"errors"
	"slices"
)

// snapshot says which transactions a statement saw, as pg_current_snapshot does. It is how a count knows
// whether a write of this process is in it: by the write's transaction id, whoever came first.
type snapshot struct {
	xmin, xmax uint64
	running    []uint64 // between the two, rising
}

// sees tells whether what a committed transaction did was seen. The zero snapshot sees nothing.
func (s snapshot) sees(xid uint64) bool {
	if xid < s.xmin || xid >= s.xmax {
		return xid < s.xmin
	}
	_, running := slices.BinarySearch(s.running, xid)
	return !running
}

// snapshot reads a pg_snapshot column: a count, xmin, xmax and that many transaction ids.
func (r *row) snapshot() snapshot {
	b := r.column("pg_snapshot", -1, false)
	if r.err == nil && (len(b) < 20 || len(b) != 20+8*int(binary.BigEndian.Uint32(b))) {
		r.err = errors.New("malformed pg_snapshot column")
	}
	if r.err != nil {
		return snapshot{}
	}
	s := snapshot{xmin: binary.BigEndian.Uint64(b[4:]), xmax: binary.BigEndian.Uint64(b[12:])}
	for b = b[20:]; len(b) > 0; b = b[8:] {
		s.running = append(s.running, binary.BigEndian.Uint64(b))
	}
	return s
}

// xid is the SQL for the id of the transaction that a statement is in; row.xid reads it.
const xid = "pg_current_xact_id()"

func (r *row) xid() uint64 {
	if b := r.column("xid8", 8, false); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
