// Command load drives a MediaNest with realistic users, judges it against thresholds, and tells what it saw.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
