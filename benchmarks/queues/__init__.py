"""The project that is measured: orders, their journey, and the same three tasks chained by hand in each job system."""
