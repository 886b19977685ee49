//go:build !linux

package engine

import "context"

func newPrecisePacer(context.Context) pacer { return nil }
