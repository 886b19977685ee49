// Command seed fills PostgreSQL with a MediaNest dataset, and verifies, shows, keeps and restores it.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
