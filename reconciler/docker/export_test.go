package docker

// Prove adds to labels what tells a container of havn's from others.
func (e *Engine) Prove(labels map[string]string) map[string]string {
	e.prove(labels)
	return labels
}
