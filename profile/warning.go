package profile

// Warnings lists everything in both files that is read in an unexpected way,
// in file order.
func (f *Files) Warnings() []Warning { return nil }

// warnings adds what concerns the profiles of the chain.
func (r *resolver) warnings() {}
