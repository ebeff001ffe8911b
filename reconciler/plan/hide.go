package plan

// Hide returns l without the values of its target that may be secret.
func (l Location) Hide() Location {
	place := "location " + l.Where()
	if l.Own() {
		// Its host follows from the site's.
		place = "location " + l.Route
	}
	l.Target, l.hidden = l.Target.Hide(place), true
	return l
}

// Hide returns t with every location hidden.
func (t Table) Hide() Table {
	out := Table{}
	for _, l := range t.Locations {
		out.Locations = append(out.Locations, l.Hide())
	}
	return out
}
