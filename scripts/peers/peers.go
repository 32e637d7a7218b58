//go:build peers

// Package peers pins the versions of other people's programs that the tests run: registries and clients in Go.
// scripts/setup-peers builds them.
package peers

import (
	_ "github.com/distribution/distribution/v3/cmd/registry"
	_ "github.com/google/go-containerregistry/cmd/crane"
	_ "github.com/olareg/olareg/cmd/olareg"
	_ "github.com/regclient/regclient/cmd/regctl"
)
