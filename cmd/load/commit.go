package main

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// commitFlag names the commit that is tested.
type commitFlag struct {
	Commit string `name:"commit" env:"MEDIANEST_COMMIT,GITHUB_SHA,CI_COMMIT_SHA" placeholder:"HASH" group:"Output:" help:"The commit of what is tested, for the result; the working directory's where git tells one."`
}

// gitPatience bounds the question for the commit: a slow disk must not hold a test up.
const gitPatience = 5 * time.Second

// commitHere is the commit of the working directory, with -dirty behind it where files have been changed since; ""
// where there is none, or no git.
func commitHere(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
