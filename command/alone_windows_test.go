package command

// standAlone does nothing: the scripts need a Unix.
func standAlone() {}
