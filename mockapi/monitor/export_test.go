package monitor

// Collect collects as Run does once a second.
func (m *Monitor) Collect() { m.collect() }
