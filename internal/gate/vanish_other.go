//go:build !linux

package gate

// deafen reports that sockets can't be made deaf here.
func (g *Gate) deafen() bool { return false }

// CanVanish reports whether the link of a connection can die here.
const CanVanish = false
