package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/medianest/testbed/mockapi"
	"golang.org/x/crypto/bcrypt"
)

// MaxPassword is the longest password in bytes: bcrypt ignores what comes after.
const MaxPassword = 72

// passwords verifies passwords. A password that bcrypt has accepted is remembered by
// HMAC-SHA256(key of this process, user id, stored hash, password): the stored hash in the digest makes a
// changed password forget itself, and the key makes a leaked cache useless.
type passwords struct {
	cost     int
	realCost bool
	key      []byte
	verified *recent[struct{}]
	macs     sync.Pool // of hash.Hash keyed by key

	mu       sync.Mutex
	flights  map[digest]*flight
	decoys   map[int][]byte // by cost, at most one for each of bcrypt's 28 costs
	lastCost int            // the cost of the stored hash last compared with; what a decoy must cost

	// slots bounds the bcrypt runs at one time to the processors: more would only make each slower, and
	// waiting here still ends with the request's deadline.
	slots   chan struct{}
	compare func(hash, password []byte) error
}

// flight is one bcrypt run that everybody who asks the same question waits for.
type flight struct {
	done chan struct{}
	err  error
}

// Hash returns the bcrypt hash of a new password. The error is VALIDATION_ERROR for a password above
// MaxPassword and SERVICE_UNAVAILABLE where the deadline comes first.
func (p *passwords) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxPassword {
		return "", mockapi.Errorf(mockapi.CodeValidation, "password is longer than %d bytes", MaxPassword)
	}
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	h, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(h), nil
}

// Verify tells whether the password belongs to the account that stores storedHash: nil, INVALID_CREDENTIALS, or
// SERVICE_UNAVAILABLE where the deadline comes before a processor is free for bcrypt.
func (p *passwords) Verify(ctx context.Context, userID int64, storedHash, password string) error {
	if len(password) > MaxPassword {
		return p.VerifyNobody(ctx, password)
	}
	if p.realCost {
		return p.run(ctx, storedHash, password)
	}
	k := p.digest(userID, storedHash, password)
	for {
		if _, ok := p.verified.get(k); ok {
			return nil
		}
		p.mu.Lock()
		if f, ok := p.flights[k]; ok {
			p.mu.Unlock()
			select {
			case <-f.done:
			case <-ctx.Done():
				return busy(ctx)
			}
			if mockapi.CodeOf(f.err) == mockapi.CodeUnavailable && ctx.Err() == nil {
				continue // the flight ended with its leader's deadline, which says nothing about the password
			}
			return f.err
		}
		// A flight may have landed between the look into the cache and the lock.
		if _, ok := p.verified.get(k); ok {
			p.mu.Unlock()
			return nil
		}
		f := &flight{done: make(chan struct{})}
		p.flights[k] = f
		p.mu.Unlock()
		p.lead(ctx, k, f, storedHash, password)
		return f.err
	}
}

// lead runs bcrypt for everybody who waits for f.
func (p *passwords) lead(ctx context.Context, k digest, f *flight, storedHash, password string) {
	defer func() {
		p.mu.Lock()
		delete(p.flights, k)
		p.mu.Unlock()
		close(f.done)
	}()
	f.err = errors.New("verify password: interrupted") // what followers see should bcrypt panic
	f.err = p.run(ctx, storedHash, password)
	if f.err == nil {
		p.verified.put(k, struct{}{})
	}
}

// VerifyNobody does for an address without an account what Verify does for a wrong password, and always fails
// with INVALID_CREDENTIALS: neither the answer nor its time tells whether the address has an account.
func (p *passwords) VerifyNobody(ctx context.Context, password string) error {
	hash, err := p.decoy()
	if err != nil {
		return err
	}
	if len(password) > MaxPassword {
		password = password[:MaxPassword]
	}
	if err := p.run(ctx, hash, password); mockapi.CodeOf(err) == mockapi.CodeUnavailable {
		return err
	}
	return wrong()
}

func (p *passwords) run(ctx context.Context, storedHash, password string) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	h := []byte(storedHash)
	if cost, err := bcrypt.Cost(h); err == nil {
		p.mu.Lock()
		p.lastCost = cost
		p.mu.Unlock()
	}
	err := p.compare(h, []byte(password))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return wrong()
	default:
		return fmt.Errorf("verify password: %w", err)
	}
}

// decoy returns a hash that no known password has, as costly as the accounts' own.
func (p *passwords) decoy() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cost := p.lastCost
	if cost == 0 {
		cost = p.cost
	}
	if h, ok := p.decoys[cost]; ok {
		return string(h), nil
	}
	h, err := bcrypt.GenerateFromPassword(p.key, cost)
	if err != nil {
		return "", fmt.Errorf("make decoy hash: %w", err)
	}
	p.decoys[cost] = h
	return string(h), nil
}

func (p *passwords) digest(userID int64, storedHash, password string) digest {
	mac, ok := p.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, p.key)
	}
	mac.Reset()
	var head [16]byte // lengths before texts, so that no two inputs run into the same bytes
	binary.LittleEndian.PutUint64(head[:8], uint64(userID))
	binary.LittleEndian.PutUint64(head[8:], uint64(len(storedHash)))
	mac.Write(head[:])
	mac.Write([]byte(storedHash))
	mac.Write([]byte(password))
	var d digest
	mac.Sum(d[:0])
	p.macs.Put(mac)
	return d
}

func (p *passwords) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return busy(ctx)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy(ctx)
	}
}

func (p *passwords) leave() { <-p.slots }

func wrong() error {
	return mockapi.Errorf(mockapi.CodeInvalidCredentials, "e-mail address or password is wrong")
}

func busy(ctx context.Context) error {
	return &mockapi.Error{
		Code: mockapi.CodeUnavailable, Message: "too many logins at once, try again", RetryAfter: time.Second,
		Err: fmt.Errorf("wait for bcrypt: %w", ctx.Err()),
	}
}
