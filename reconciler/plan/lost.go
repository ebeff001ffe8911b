package plan

// someUnprobed: a replica runs of which it is not known whether it is ready.
func (m *maker) someUnprobed() bool {
	for _, c := range m.have.Containers {
		if c.Unprobed() {
			return true
		}
	}
	return false
}
