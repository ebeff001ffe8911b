package snapshot

// DecodeAnySum is Decode for a file whose checksum is made right first: what a
// fuzzer finds must not stop there.
func DecodeAnySum(text []byte) (Snapshot, error) {
	s, err := parse(text)
	if err != nil {
		return s, err
	}
	return s, s.check()
}
