package command

import "awsmfa/mfa"

// seeds is the store of seeds as mfa asks it.
func (s *subject) seeds() mfa.Seeds { return nil }
