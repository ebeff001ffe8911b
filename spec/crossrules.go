package spec

// Check checks the rules that span entries on a site that was put together from
// more than one: that what is referred to is there, that nothing is taken twice.
// The error is Problems, without positions.
func (s Site) Check() error {
	r := &ruler{
		site:     s,
		declared: map[string][]string{"services": s.ServiceNames(), "routes": s.RouteNames(), "volumes": s.VolumeNames()},
		at:       func([]string, bool) Problem { return Problem{} },
	}
	r.check()
	return r.problems.orNil()
}
