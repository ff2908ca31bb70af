"""All sources and clouds in one order, each provider's clock corrected, and silence told from absence."""
